// What was said between us and a relay, as far as it decides about a mail. Pure; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/deliver/transport.h"

namespace sojourn::smtp {

class Dialogue {
 public:
  // A command as it is sent, with CRLF. What is no command that matters here is passed over: the
  // words of a login, for one.
  void Command(std::string_view line);
  // A line of an answer; an answer of several lines comes line by line.
  void Answer(std::string_view line);
  // The relay has asked for the mail; the first bytes of it are about to go.
  void BeginBody() { Enter(Stage::kBody); }
  // All of the mail has gone; what follows is its end, the dot.
  void EndBody() { Enter(Stage::kEnd); }

  bool body_begun() const { return stage_ >= Stage::kBody; }

  // What became of the mail once the transfer is over; `transfer_error` is what went wrong in it,
  // for people.
  deliver::SendResult Judge(std::string_view transfer_error) const;

 private:
  // kConnect lasts to the end of the login.
  enum class Stage : uint8_t { kConnect, kMail, kRecipient, kData, kBody, kEnd };

  void Enter(Stage stage);
  deliver::SendOutcome Outcome() const;

  Stage stage_ = Stage::kConnect;
  int code_ = 0;               // of the last whole answer at this stage; 0: there is none
  std::string words_;          // of that answer, its lines joined
  bool goes_on_ = false;       // the last line read was not the answer's last
  bool has_said_bye_ = false;  // what is answered to QUIT decides nothing
};

}  // namespace sojourn::smtp
