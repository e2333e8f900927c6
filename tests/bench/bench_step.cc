// What one event costs in the pure core alone: workload W1 over persons in memory.
//
//   bench_step [PERSONS] [EVENTS] [--records] [--rules DIRECTORY] [--copies N]
//
// --records decodes the person's record before and encodes it after each event, as a task does with
// a person it has not at hand. --copies adds N journeys that never match (W1x200: 995).
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/language/load.h"
#include "engine/step/step.h"
#include "engine/store/person_record.h"

namespace sojourn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatchEvents = 4096;

// Processor time of this thread: what others do on the machine does not count.
double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Options {
  size_t persons = 100'000;
  size_t events = 1'000'000;
  bool records = false;
  int copies = 0;
  std::string rules = "tests/bench/w1";
};

struct Cost {
  int64_t count = 0;
  double seconds = 0;
};

Options ParseOptions(int count, char** arguments) {
  Options options;
  int position = 0;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--records") {
      options.records = true;
    } else if (argument == "--rules" && i + 1 < count) {
      options.rules = arguments[++i];
    } else if (argument == "--copies" && i + 1 < count) {
      options.copies = std::atoi(arguments[++i]);
    } else {
      (position++ == 0 ? options.persons : options.events) =
          std::strtoull(argument.c_str(), nullptr, 10);
    }
  }
  return options;
}

void AddCopies(int copies, std::map<std::string, std::string>* files) {
  for (int i = 0; i < copies; ++i) {
    const std::string name = fmt::format("copy-{}", i);
    (*files)["journeys/" + name + ".yaml"] = fmt::format(
        "journey: {}\ntrigger: {{event: Product Viewed, where: event.category == \"none-{}\"}}\n"
        "steps: [{{send_email: browse-nudge}}]\n",
        name, i);
  }
}

std::shared_ptr<const language::Bundle> LoadRules(const Options& options) {
  std::vector<language::Diagnostic> diagnostics;
  auto files = language::ReadRulesDirectory(options.rules, &diagnostics);
  if (!files.ok()) {
    std::fprintf(stderr, "%s\n", files.status().message().c_str());
    std::exit(2);
  }
  AddCopies(options.copies, &*files);
  language::LoadResult loaded = language::LoadBundle(*files);
  if (loaded.bundle != nullptr) return loaded.bundle;
  std::fputs(
      language::FormatDiagnostics(loaded.diagnostics, language::DiagnosticFormat::kText).c_str(),
      stderr);
  std::exit(2);
}

// The next event of W1; texts live in `arena`.
class Workload {
 public:
  explicit Workload(size_t persons) : persons_(persons) {}

  model::Event Next(size_t index, Arena* arena, size_t* person) {
    *person = random_() % persons_;
    model::Event event;
    event.time = Timestamp(1'780'000'000'000 + static_cast<int64_t>(index) * 144 / 10);
    event.id = arena->Copy(fmt::format("event-{:012}", index));
    const auto share = static_cast<int>(random_() % 100);
    const double amount = static_cast<double>(random_() % 20'000) / 100.0;
    if (share < 80) {
      event.name = share < 70 ? "Product Viewed" : "Product Added";
      event.properties = Product(arena, amount);
    } else if (share < 85 || share >= 95) {
      event.name = share < 85 ? "Checkout Started" : "Order Completed";
      event.properties = Order(arena, *person, amount, share < 85 ? "value" : "total");
    } else {
      event.name = share < 93 ? "Email Opened" : "Email Link Clicked";
      event.properties = Mail(arena);
    }
    return event;
  }

 private:
  static model::Value Map(Arena* arena,
                          std::initializer_list<std::pair<const char*, model::Value>> values) {
    auto* entries = arena->AllocateArray<model::MapEntry>(values.size());
    size_t i = 0;
    for (const auto& [key, value] : values) entries[i++] = {model::Value::String(key), value};
    return model::Value::Map(entries, static_cast<uint32_t>(values.size()));
  }
  model::Value Text(Arena* arena, const char* prefix, uint64_t number) {
    return model::Value::String(arena->Copy(fmt::format("{}{:06}", prefix, number)));
  }
  model::Value Product(Arena* arena, double price) {
    return Map(arena, {{"product_id", Text(arena, "p", random_() % 10'000)},
                       {"price", model::Value::Double(price)},
                       {"category", Text(arena, "category-", random_() % 20)}});
  }
  model::Value Order(Arena* arena, size_t person, double amount, const char* amount_name) {
    return Map(arena, {{"order_id", Text(arena, "o", person * 4 + random_() % 4)},
                       {amount_name, model::Value::Double(amount)},
                       {"currency", model::Value::String("EUR")}});
  }
  model::Value Mail(Arena* arena) {
    return Map(arena, {{"campaign_id", Text(arena, "c", random_() % 100)},
                       {"email_id", Text(arena, "m", random_())}});
  }

  size_t persons_;
  std::mt19937_64 random_{1};
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options), rules_(LoadRules(options)), workload_(options.persons) {
    secrets_.coupon_key = "key";
    environment_ = {&rules_, &secrets_, &partition_, nullptr, false};
    if (options.records) {
      records_.resize(options.persons);
    } else {
      persons_.resize(options.persons);
    }
  }

  // Events are made in batches outside the measured time.
  void Run() {
    std::vector<model::Event> events;
    std::vector<size_t> indexes;
    for (size_t done = 0; done < options_.events; done += events.size()) {
      arena_.Reset();
      events.clear();
      indexes.clear();
      while (events.size() < kBatchEvents && done + events.size() < options_.events) {
        indexes.push_back(0);
        events.push_back(workload_.Next(done + events.size(), &arena_, &indexes.back()));
      }
      const double begin = ThreadSeconds();
      for (size_t i = 0; i < events.size(); ++i) HandleOne(events[i], indexes[i]);
      cpu_seconds_ += ThreadSeconds() - begin;
    }
  }

  void Print() const {
    Cost total;
    for (const auto& [name, cost] : costs_) {
      total.count += cost.count;
      total.seconds += cost.seconds;
    }
    // Wall time only says how the processor's time divides among the kinds.
    const double scale = cpu_seconds_ / total.seconds;
    for (const auto& [name, cost] : costs_) {
      fmt::print("{:<36} {:>9} events {:>8.2f} CPU us\n", name, cost.count,
                 scale * cost.seconds * 1e6 / static_cast<double>(cost.count));
    }
    fmt::print("{:<36} {:>9} events {:>8.2f} CPU us\n", "all", total.count,
               cpu_seconds_ * 1e6 / static_cast<double>(total.count));
    fmt::print("{} actions\n", actions_);
    if (!options_.records) return;
    size_t bytes = 0;
    size_t known = 0;
    for (const std::string& record : records_) {
      bytes += record.size();
      known += record.empty() ? 0 : 1;
    }
    fmt::print("{} bytes a person\n", known == 0 ? 0 : bytes / known);
  }

 private:
  void HandleOne(const model::Event& event, size_t index) {
    const auto begin = Clock::now();
    const int timers = Handle(event, index);
    Cost& cost =
        costs_[timers > 0 ? std::string(event.name) + " and timers" : std::string(event.name)];
    cost.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
    ++cost.count;
    actions_ += output_.actions.size();
    output_.Clear();
  }

  int Handle(const model::Event& event, size_t index) {
    if (!options_.records) return Apply(event, Decoded(index));
    model::Person person;
    if (records_[index].empty()) {
      Name(index, &person);
    } else {
      person.id = fmt::format("c{:08}", index);
      if (!store::DecodePerson(records_[index], &person).ok()) std::exit(1);
    }
    const int timers = Apply(event, &person);
    if (!store::EncodePerson(person, &records_[index]).ok()) std::exit(1);
    return timers;
  }

  static void Name(size_t index, model::Person* person) {
    person->id = fmt::format("c{:08}", index);
    person->SetTrait("email", model::Value::String(person->id + "@shop.example"));
  }

  model::Person* Decoded(size_t index) {
    if (persons_[index] == nullptr) {
      persons_[index] = std::make_unique<model::Person>();
      Name(index, persons_[index].get());
    }
    return persons_[index].get();
  }

  // How many timers were due before the event.
  int Apply(const model::Event& event, model::Person* person) {
    int timers = 0;
    while (step::FireNextTimer(environment_, event.time - Milliseconds(1), person, &output_)) {
      ++timers;
    }
    const step::EventInput input{&event, {"web", Partition(0), Offset(0)}, event.time};
    step::ApplyEvent(environment_, input, person, &output_);
    return timers;
  }

  Options options_;
  language::RuleSet rules_;
  Workload workload_;
  step::Secrets secrets_;
  step::PartitionState partition_;
  step::Environment environment_;
  step::StepOutput output_;
  Arena arena_;
  std::vector<std::unique_ptr<model::Person>> persons_;
  std::vector<std::string> records_;
  std::map<std::string, Cost> costs_;
  double cpu_seconds_ = 0;
  size_t actions_ = 0;
};

}  // namespace
}  // namespace sojourn

int main(int count, char** arguments) {
  sojourn::Bench bench(sojourn::ParseOptions(count, arguments));
  bench.Run();
  bench.Print();
  return 0;
}
