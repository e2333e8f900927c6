#include "engine/insights/gamma_gamma.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/insights/test_customers.h"

namespace sojourn::insights {
namespace {

std::vector<PurchaseSummary> MadeSpenders(const GammaGamma& model, size_t count) {
  std::mt19937_64 random(11);
  std::gamma_distribution<double> rates(model.q, 1 / model.v);
  std::uniform_int_distribution<int> repeats(0, 9);
  std::vector<PurchaseSummary> people(count);
  for (PurchaseSummary& person : people) {
    person.frequency = repeats(random);
    if (person.frequency == 0) continue;
    // The mean of x amounts that are gamma distributed.
    std::gamma_distribution<double> sums(model.p * person.frequency, 1 / rates(random));
    person.monetary_value = sums(random) / person.frequency;
  }
  return people;
}

TEST(GammaGamma, FitsWhatWasPublished) {
  const auto people = CdnowCustomers();
  if (people.empty()) GTEST_SKIP() << "no CDNOW customers beside the source tree";
  const auto fit = FitGammaGamma(people);
  ASSERT_TRUE(fit.ok()) << fit.status().message();
  EXPECT_NEAR(fit->model.p, 6.25, 0.01 * 6.25);
  EXPECT_NEAR(fit->model.q, 3.74, 0.01 * 3.74);
  EXPECT_NEAR(fit->model.v, 15.44, 0.01 * 15.44);
}

TEST(GammaGamma, FindsTheModelThatMadeThePeople) {
  const GammaGamma model{.p = 4, .q = 3, .v = 50};
  const auto fit = FitGammaGamma(MadeSpenders(model, 300'000));
  ASSERT_TRUE(fit.ok()) << fit.status().message();
  EXPECT_NEAR(fit->model.p, model.p, 0.05 * model.p);
  EXPECT_NEAR(fit->model.q, model.q, 0.05 * model.q);
  EXPECT_NEAR(fit->model.v, model.v, 0.05 * model.v);
}

// Between what all people spend and what this one did, the nearer to the latter the more is known.
TEST(GammaGamma, ExpectsMoreOfWhatItHasSeenMoreOften) {
  const GammaGamma model{.p = 6.25, .q = 3.74, .v = 15.44};
  const double of_all = model.ExpectedValue({});
  EXPECT_NEAR(of_all, 6.25 * 15.44 / 2.74, 1e-9);
  double before = of_all;
  for (const double frequency : {1.0, 2.0, 10.0, 1000.0}) {
    const double expected = model.ExpectedValue({.frequency = frequency, .monetary_value = 100});
    EXPECT_GT(expected, before);
    EXPECT_LT(expected, 101);
    before = expected;
  }
  EXPECT_NEAR(before, 100, 0.1);
}

TEST(GammaGamma, SaysWhatTheDataLack) {
  const std::vector<PurchaseSummary> people = {{.frequency = 0, .monetary_value = 10},
                                               {.frequency = 3, .monetary_value = 0}};
  EXPECT_EQ(FitGammaGamma(people).status().message(),
            "nobody has bought twice for more than nothing");
  EXPECT_TRUE(std::isinf(GammaGamma{.p = 1, .q = 1, .v = 1}.ExpectedValue({})));
}

TEST(GammaGamma, AmountsThatNeverDifferHaveNoModel) {
  const std::vector<PurchaseSummary> people(500, {.frequency = 2, .monetary_value = 10});
  EXPECT_FALSE(FitGammaGamma(people).ok());
}

}  // namespace
}  // namespace sojourn::insights
