// Evaluates plain CEL for tests: sojourn_evaluate < CASES.
//
// Each line of the input is {"expr": TEXT, "bindings": {NAME: {"value": VALUE}, ...}}, with values
// as engine/expr/test_json.h writes them; each line of the output is what that came to.
#include <iostream>
#include <string>

#include "engine/expr/test_json.h"

int main() {
  using nlohmann::json;
  for (std::string line; std::getline(std::cin, line);) {
    const json test = json::parse(line);
    sojourn::Arena arena;
    const sojourn::model::Value value = sojourn::expr::EvaluatePlain(
        test["expr"].get<std::string>(), test.value("bindings", json::object()), &arena);
    std::cout << sojourn::expr::ValueToJson(value).dump() << '\n';
  }
  return 0;
}
