#include "engine/cli/mail_preview.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "connectors/http/instance_file.h"
#include "connectors/smtp/header_text.h"
#include "engine/base/suggest.h"
#include "engine/cli/loaded_rules.h"
#include "engine/cli/mail_parts.h"
#include "engine/cli/printable.h"
#include "engine/cli/secrets.h"
#include "engine/cli/template_values.h"
#include "engine/deliver/page_texts.h"
#include "engine/language/render_message.h"
#include "engine/model/action_codec.h"
#include "engine/step/known_values.h"
#include "engine/store/person_record.h"

namespace sojourn::cli {
namespace {

using language::Bundle;
using language::Template;

constexpr size_t kActionsPerRead = 5000;
constexpr size_t kMaxNoteBytes = 4000;
constexpr char kUnknownRecipient[] = "somebody@recipient.example";

// All that a message is made of besides the rules.
struct Material {
  std::string values = "{}";
  std::string person = "sample-person";
  std::string address;  // empty: none is known
  std::string journey;  // of the newest action; empty: none
  deliver::Recipient recipient;
  bool suppressed = false;
  std::vector<std::string> notes;
};

std::string Unknown(std::string_view what, const std::string& name,
                    const std::vector<std::string>& known) {
  const std::string hint = DidYouMean(name, known);
  return fmt::format("the rules have no {} {}{}{}", what, name, hint.empty() ? "" : "; ", hint);
}

Result<const Template*> FindTemplate(const Bundle& bundle, const std::string& name) {
  if (const Template* rule = bundle.FindTemplate(name)) return rule;
  std::vector<std::string> names;
  for (const auto& rule : bundle.templates) names.push_back(rule->name);
  return NotFound(Unknown("template", name, names));
}

Status CheckJourney(const Bundle& bundle, const PreviewRequest& request,
                    std::vector<TemplateSend>* sends) {
  if (request.journey.empty()) return Status::Ok();
  if (bundle.FindJourney(request.journey) == nullptr) {
    std::vector<std::string> names;
    for (const auto& journey : bundle.journeys) names.push_back(journey->name);
    return NotFound(Unknown("journey", request.journey, names));
  }
  std::erase_if(*sends,
                [&](const TemplateSend& send) { return send.journey->name != request.journey; });
  if (!sends->empty()) return Status::Ok();
  return InvalidArgument(
      fmt::format("the journey {} does not send {}", request.journey, request.template_name));
}

// The person's newest action of the template.
Result<std::optional<model::Action>> FindNewestAction(const PreviewRequest& request,
                                                      Backend* backend) {
  std::optional<model::Action> newest;
  ActionCursors cursors;
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto actions,
                             backend->ReadActions(&cursors, kActionsPerRead, Duration(0)));
    if (actions.empty()) return newest;
    for (const CommittedAction& entry : actions) {
      if (entry.json.find(request.template_name) == std::string::npos) continue;
      SOJOURN_ASSIGN_OR_RETURN(model::Action action, model::ActionFromJson(entry.json));
      const bool wanted = action.person == request.person &&
                          action.template_name == request.template_name &&
                          (request.journey.empty() || action.journey == request.journey);
      if (wanted && (!newest || newest->time <= action.time)) newest = std::move(action);
    }
  }
}

Result<bool> IsSuppressed(const Config& config, Backend* backend, const std::string& address) {
  SOJOURN_ASSIGN_OR_RETURN(deliver::SuppressionList* const list, backend->suppressions());
  SOJOURN_ASSIGN_OR_RETURN(const std::string key, LoadAddressKey(config));
  SOJOURN_ASSIGN_OR_RETURN(const auto suppressions, deliver::Suppressions::Open(key, list));
  return suppressions->IsSuppressed(address);
}

Status LookAtAddress(const PreviewRequest& request, const Config& config, const Template& rule,
                     const model::Person& person, Backend* backend, Material* material) {
  const model::Value* email = person.FindTrait("email");
  if (email != nullptr && email->kind() == model::ValueKind::kString) {
    material->address = email->text();
  }
  if (rule.channel != model::ActionKind::kSendEmail) return Status::Ok();
  if (material->address.empty()) {
    material->notes.push_back(
        fmt::format("it would not be sent: {} has no trait email (no_address)", request.person));
    return Status::Ok();
  }
  const auto suppressed = IsSuppressed(config, backend, material->address);
  if (!suppressed.ok()) {
    material->notes.push_back("whether the address is on the suppression list is not known: " +
                              suppressed.status().message());
  }
  material->suppressed = suppressed.ok() && *suppressed;
  return Status::Ok();
}

Result<Material> MaterialOfPerson(const PreviewRequest& request, const Config& config,
                                  const Bundle& bundle, const Template& rule) {
  SOJOURN_ASSIGN_OR_RETURN(const OpenedBackend opened,
                           OpenForCommand(config, /*need_existing=*/true));
  Backend* const backend = opened.backend.get();
  const auto record = backend->ReadPerson(request.person, kPersonPatience);
  if (record.status().code() == StatusCode::kFailedPrecondition) {
    return FailedPrecondition(record.status().message() +
                              "; --data FILE gives the values in their place");
  }
  if (!record.ok()) return record.status();
  if (!record->has_value()) {
    return NotFound(
        fmt::format("there is no person {} in {}; a person's id is the userId of their events",
                    request.person, config.data));
  }
  model::Person person;
  person.id = request.person;
  SOJOURN_RETURN_IF_ERROR(store::DecodePerson(**record, &person));
  if (!person.moved_to.empty()) {
    return NotFound(
        fmt::format("the id {} has become part of {}", request.person, person.moved_to));
  }
  Material material;
  material.person = request.person;
  material.recipient = RecipientOf(person);
  SOJOURN_RETURN_IF_ERROR(LookAtAddress(request, config, rule, person, backend, &material));
  SOJOURN_ASSIGN_OR_RETURN(const auto action, FindNewestAction(request, backend));
  if (action) {
    material.journey = action->journey;
    material.values = action->values_json;
  }
  material.values = MergeValues(material.values, step::KnownValuesJson(bundle, person, rule));
  return material;
}

Result<Material> MaterialOfFile(const PreviewRequest& request, const Bundle& bundle,
                                const Template& rule) {
  Material material;
  SOJOURN_ASSIGN_OR_RETURN(const std::string values, ReadValuesFile(request.data_file));
  material.values = MergeValues(step::KnownValuesJson(bundle, model::Person(), rule), values);
  const std::string id = TextIn(values, "person", "id");
  if (!id.empty()) material.person = id;
  material.address = TextIn(values, "person", "email");
  material.recipient.language = TextIn(values, "person", "language");
  if (material.recipient.language.empty()) {
    material.recipient.language = TextIn(values, "person", "locale");
  }
  return material;
}

Material MaterialOfSamples(const Bundle& bundle, const Template& rule,
                           const std::vector<TemplateSend>& sends, Timestamp now) {
  Material material;
  const std::string samples = SampleValues(bundle, rule, sends, now);
  material.values = MergeValues(step::KnownValuesJson(bundle, model::Person(), rule), samples);
  std::string list;
  for (const ReadValue& read : ReadValues(rule, samples)) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", read.path, read.json);
  }
  if (!list.empty()) {
    material.notes.push_back("with made-up values, as neither --person nor --data is given: " +
                             list);
  }
  return material;
}

Result<Material> MakeMaterial(const PreviewRequest& request, const Config& config,
                              const Bundle& bundle, const Template& rule,
                              const std::vector<TemplateSend>& sends, Timestamp now) {
  if (request.person.empty() && request.data_file.empty()) {
    return MaterialOfSamples(bundle, rule, sends, now);
  }
  SOJOURN_ASSIGN_OR_RETURN(
      Material material, request.person.empty() ? MaterialOfFile(request, bundle, rule)
                                                : MaterialOfPerson(request, config, bundle, rule));
  std::string missing;
  for (const ReadValue& read : ReadValues(rule, material.values)) {
    if (read.json.empty()) missing += (missing.empty() ? "" : ", ") + read.path;
  }
  if (!missing.empty()) material.notes.push_back("read but not given: " + missing);
  return material;
}

model::Action ActionOf(const PreviewRequest& request, const Template& rule,
                       const std::vector<TemplateSend>& sends, const Material& material) {
  const std::string& wanted = material.journey;
  auto send = std::find_if(sends.begin(), sends.end(), [&](const TemplateSend& candidate) {
    return candidate.journey->name == wanted;
  });
  if (send == sends.end()) send = sends.begin();
  model::Action action;
  action.kind = rule.channel;
  action.person = material.person;
  action.template_name = request.template_name;
  action.template_revision = rule.revision;
  action.topic = rule.topic.empty() ? "marketing" : rule.topic;
  action.address = material.address.empty() ? kUnknownRecipient : material.address;
  action.values_json = material.values;
  action.journey = "preview";
  if (send != sends.end()) {
    action.journey = send->journey->name;
    action.topic = send->step->topic;
  }
  return action;
}

// Why a mail would not go, for people.
std::string Explain(const std::string& objection, const model::Action& action) {
  if (objection == "suppressed") {
    return fmt::format("it would not be sent: {} gets no mail (suppressed)", action.address);
  }
  if (objection == "no_consent") {
    return fmt::format("it would not be sent: {} has not agreed to the topic {} (no_consent)",
                       action.person, action.topic);
  }
  return "it would not be sent: " + objection;
}

Result<std::unique_ptr<deliver::MailComposer>> MakeComposer(const Config& config,
                                                            std::shared_ptr<const Bundle> bundle,
                                                            const Material& material,
                                                            Timestamp now) {
  SOJOURN_ASSIGN_OR_RETURN(deliver::PageTexts texts, deliver::PageTexts::Read(config.mail.texts));
  SOJOURN_ASSIGN_OR_RETURN(std::string key, http::NewToken());  // nobody else ever has it
  deliver::MailComposerPorts ports;
  ports.rules = [rules = std::make_shared<const language::RuleSet>(std::move(bundle))] {
    return rules;
  };
  ports.recipient = [recipient = material.recipient](const std::string&) {
    return Result<deliver::Recipient>(recipient);
  };
  ports.suppressed = [suppressed = material.suppressed](const std::string&) {
    return Result<bool>(suppressed);
  };
  ports.now = [now] { return now; };
  return std::make_unique<deliver::MailComposer>(
      ComposerOptionsOf(config.mail, config.listen), std::move(ports),
      deliver::LinkSigner({std::move(key)}), std::move(texts));
}

Status DoesNotRender(const Status& status) {
  return Status(StatusCode::kAborted, status.message());
}

void SetLanguage(const std::string& language, Material* material) {
  if (language.empty()) return;
  material->recipient.language = language;
  material->values = WithLanguage(material->values, language);
}

}  // namespace

void AddPreviewOptions(Command command, PreviewRequest* request) {
  command.AddOption("TEMPLATE", &request->template_name, "The template").Required();
  command.AddOption(
      "--person", &request->person,
      "Values of this person: traits from the data directory, event, trigger, data, coupon and "
      "ab_test from the newest action of this template that they got");
  command.AddOption(
      "--data", &request->common.data,
      "A file: values in YAML or JSON (person, event, trigger, data, coupon, ab_test). With "
      "--person: the data directory (default: data). Neither: made-up values");
  command.AddOption("--journey", &request->journey, "As this journey sends it");
  command.AddOption("--language", &request->language, "In place of the person's trait language");
  command.AddOption("--rules", &request->common.rules, "Rules directory (default: rules)");
  command.AddOption("--config", &request->common.config_file, "Configuration file (YAML)");
}

Result<Config> ResolvePreview(PreviewRequest* request) {
  std::error_code error;
  auto& data = request->common.data;
  const bool directory = data && std::filesystem::is_directory(*data, error);
  if (data && !directory && request->person.empty()) {
    request->data_file = *data;
    data.reset();
  }
  if (data && !request->person.empty() && std::filesystem::is_regular_file(*data, error)) {
    return InvalidArgument(fmt::format(
        "--person takes its values from the data directory, and {} is a file; give one of both",
        *data));
  }
  return ResolveConfig(request->common);
}

Result<Preview> MakePreview(const PreviewRequest& request, const Config& config,
                            const std::string& action_id) {
  SOJOURN_ASSIGN_OR_RETURN(const auto bundle, LoadCleanRules(config.rules));
  SOJOURN_ASSIGN_OR_RETURN(const Template* rule, FindTemplate(*bundle, request.template_name));
  std::vector<TemplateSend> sends = SendsOf(*bundle, request.template_name);
  SOJOURN_RETURN_IF_ERROR(CheckJourney(*bundle, request, &sends));
  const Timestamp now = runtime::SystemClock().Now();
  SOJOURN_ASSIGN_OR_RETURN(Material material,
                           MakeMaterial(request, config, *bundle, *rule, sends, now));
  SetLanguage(request.language, &material);
  model::Action action = ActionOf(request, *rule, sends, material);
  action.id = action_id;
  action.time = now;
  Preview preview;
  preview.channel = rule->channel;
  preview.notes = material.notes;
  if (rule->channel != model::ActionKind::kSendEmail) {
    const auto rendered = language::RenderMessage(bundle->company, *rule, action, {});
    if (!rendered.ok()) return DoesNotRender(rendered.status());
    preview.text = rendered->body;
    return preview;
  }
  SOJOURN_ASSIGN_OR_RETURN(const auto composer, MakeComposer(config, bundle, material, now));
  auto draft = composer->MakeDraft(action);
  if (!draft.ok()) return DoesNotRender(draft.status());
  preview.mail = std::move(draft->mail);
  for (const std::string& objection : draft->objections) {
    preview.notes.push_back(Explain(objection, action));
  }
  return preview;
}

int FailPreview(const Status& status) {
  const int exit_code = Fail(status);
  return status.code() == StatusCode::kAborted ? 1 : exit_code;
}

void PrintNotes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) {
    std::fprintf(stderr, "note: %s\n", Printable(smtp::OneLine(note, kMaxNoteBytes)).c_str());
  }
}

}  // namespace sojourn::cli
