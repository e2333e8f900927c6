#include "engine/insights/test_customers.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

namespace sojourn::insights {

std::vector<PurchaseSummary> CdnowCustomers() {
  const char* given = std::getenv("SOJOURN_TEST_DATA");
  const char* source = std::getenv("SOJOURN_SOURCE_DIR");
  const std::string data = given != nullptr    ? given
                           : source != nullptr ? std::string(source) + "/../shared/data"
                                               : "../shared/data";
  std::ifstream file(data + "/cdnow/cdnow_customers_summary_with_transactions.csv");
  std::vector<PurchaseSummary> people;
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    PurchaseSummary person;
    if (std::sscanf(line.c_str(), "%*d,%lf,%lf,%lf,%lf", &person.frequency, &person.recency,
                    &person.age, &person.monetary_value) == 4) {
      people.push_back(person);
    }
  }
  return people;
}

std::vector<PurchaseSummary> MadeCustomers(const BgNbd& model, size_t count, double age) {
  std::mt19937_64 random(7);
  std::gamma_distribution<double> rates(model.r, 1 / model.alpha);
  std::gamma_distribution<double> of_a(model.a, 1);
  std::gamma_distribution<double> of_b(model.b, 1);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<PurchaseSummary> people(count);
  for (PurchaseSummary& person : people) {
    person.age = age;
    const double leaning = of_a(random);
    const double leaves = leaning / (leaning + of_b(random));
    std::exponential_distribution<double> pauses(rates(random) + 1e-300);
    bool alive = true;
    for (double now = pauses(random); alive && now < age; now += pauses(random)) {
      ++person.frequency;
      person.recency = now;
      alive = unit(random) >= leaves;
    }
  }
  return people;
}

}  // namespace sojourn::insights
