// Writes the mail that standard input describes to standard output, signed:
//
//   sojourn_write_mail DOMAIN SELECTOR KEY_FILE
//
// The input is a sequence of fields, each "NAME LENGTH\n" and LENGTH bytes, with the names of
// Mail's members; `from_name` and `from_address` are those of `from`, `date` is in milliseconds.
#include <iostream>
#include <map>
#include <string>

#include "connectors/smtp/signed_mime.h"

namespace {

using sojourn::smtp::DkimSigner;

std::map<std::string, std::string> ReadFields(std::istream& input) {
  std::map<std::string, std::string> fields;
  std::string name;
  for (size_t length = 0; input >> name >> length;) {
    input.get();
    std::string value(length, '\0');
    input.read(value.data(), static_cast<std::streamsize>(length));
    fields[name] = value;
  }
  return fields;
}

sojourn::deliver::Mail ReadMail(std::istream& input) {
  auto fields = ReadFields(input);
  sojourn::deliver::Mail mail;
  mail.action_id = fields["action_id"];
  mail.from = {fields["from_name"], fields["from_address"]};
  mail.reply_to = fields["reply_to"];
  mail.to = fields["to"];
  mail.subject = fields["subject"];
  mail.html = fields["html"];
  mail.text = fields["text"];
  mail.unsubscribe_url = fields["unsubscribe_url"];
  mail.list_id = fields["list_id"];
  mail.feedback_id = fields["feedback_id"];
  mail.date = sojourn::Timestamp(std::stoll("0" + fields["date"]));
  return mail;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: sojourn_write_mail DOMAIN SELECTOR KEY_FILE <fields\n";
    return 2;
  }
  const auto signer = DkimSigner::Load({{argv[1], argv[2], argv[3]}});
  if (!signer.ok()) {
    std::cerr << signer.status().message() << '\n';
    return 1;
  }
  const auto message = sojourn::smtp::WriteSignedMime(ReadMail(std::cin), &*signer);
  if (!message.ok()) {
    std::cerr << message.status().message() << '\n';
    return 1;
  }
  std::cout << *message;
  return 0;
}
