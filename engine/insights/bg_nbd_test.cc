#include "engine/insights/bg_nbd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/insights/test_customers.h"

namespace sojourn::insights {
namespace {

// What the paper gives for the customers of CDNOW, its unit of time being weeks.
const BgNbd kPublished{.r = 0.243, .alpha = 4.414, .a = 0.793, .b = 2.426};

TEST(BgNbd, FitsWhatWasPublished) {
  const auto people = CdnowCustomers();
  if (people.empty()) GTEST_SKIP() << "no CDNOW customers beside the source tree";
  ASSERT_EQ(people.size(), 2357u);
  const auto fit = FitBgNbd(people);
  ASSERT_TRUE(fit.ok()) << fit.status().message();
  EXPECT_NEAR(fit->model.r, kPublished.r, 0.01 * kPublished.r);
  EXPECT_NEAR(fit->model.alpha, kPublished.alpha, 0.01 * kPublished.alpha);
  EXPECT_NEAR(fit->model.a, kPublished.a, 0.01 * kPublished.a);
  EXPECT_NEAR(fit->model.b, kPublished.b, 0.01 * kPublished.b);
  EXPECT_NEAR(fit->log_likelihood, -9582.4, 0.05);
}

TEST(BgNbd, ExpectsWhatWasPublished) {
  const PurchaseSummary person{.frequency = 2, .recency = 30.43, .age = 38.86};
  EXPECT_NEAR(kPublished.ExpectedPurchases(39, person), 1.226, 0.0005);
}

// Without changing the model, the unit of time does.
TEST(BgNbd, AnyUnitOfTimeFitsAlike) {
  std::vector<PurchaseSummary> people = MadeCustomers(kPublished, 3000, 40);
  const auto weeks = FitBgNbd(people);
  for (PurchaseSummary& person : people) {
    person.recency *= 7;
    person.age *= 7;
  }
  const auto days = FitBgNbd(people);
  ASSERT_TRUE(weeks.ok() && days.ok());
  EXPECT_NEAR(days->model.alpha, 7 * weeks->model.alpha, 1e-3 * days->model.alpha);
  EXPECT_NEAR(days->model.r, weeks->model.r, 1e-3 * weeks->model.r);
  EXPECT_NEAR(days->model.b, weeks->model.b, 1e-3 * weeks->model.b);
}

TEST(BgNbd, FindsTheModelThatMadeThePeople) {
  const BgNbd model{.r = 0.8, .alpha = 6, .a = 1.2, .b = 3};
  const auto fit = FitBgNbd(MadeCustomers(model, 40'000, 100));
  ASSERT_TRUE(fit.ok()) << fit.status().message();
  EXPECT_NEAR(fit->model.r, model.r, 0.05 * model.r);
  EXPECT_NEAR(fit->model.alpha, model.alpha, 0.05 * model.alpha);
  EXPECT_NEAR(fit->model.a, model.a, 0.1 * model.a);
  EXPECT_NEAR(fit->model.b, model.b, 0.1 * model.b);
}

// Nothing near the fit is likelier.
TEST(BgNbd, TheFitIsTheTop) {
  const auto people = MadeCustomers(kPublished, 2000, 40);
  const auto fit = FitBgNbd(people);
  ASSERT_TRUE(fit.ok());
  for (double BgNbd::*part : {&BgNbd::r, &BgNbd::alpha, &BgNbd::a, &BgNbd::b}) {
    for (const double factor : {0.99, 1.01}) {
      BgNbd beside = fit->model;
      beside.*part *= factor;
      EXPECT_LT(LogLikelihood(beside, people), fit->log_likelihood);
    }
  }
}

TEST(BgNbd, AliveIsOneUntilTheFirstRepeat) {
  EXPECT_EQ(kPublished.Alive({.frequency = 0, .recency = 0, .age = 500}), 1);
  EXPECT_EQ(kPublished.AgeWhenAlive(0.3, {.frequency = 0, .recency = 0, .age = 500}), std::nullopt);
}

TEST(BgNbd, AliveFallsToWhatWasAskedAtTheAgeGiven) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int i = 0; i < 2000; ++i) {
    PurchaseSummary person{.frequency = std::floor(1 + 20 * unit(random)),
                           .recency = 30 * unit(random)};
    const double probability = 0.02 + 0.96 * unit(random);
    const double age = *kPublished.AgeWhenAlive(probability, person);
    person.age = age;
    if (age > person.recency) {
      EXPECT_NEAR(kPublished.Alive(person), probability, 1e-9);
    } else {
      EXPECT_LE(kPublished.Alive(person), probability + 1e-9);
    }
  }
}

// The expectation is the mean of what people made by the model do.
TEST(BgNbd, ExpectedRepeatsAreTheMean) {
  for (const double a : {0.6, 1.0, 2.5}) {
    const BgNbd model{.r = 0.8, .alpha = 6, .a = a, .b = 3};
    const auto people = MadeCustomers(model, 200'000, 50);
    double sum = 0;
    for (const PurchaseSummary& person : people) sum += person.frequency;
    const double mean = sum / static_cast<double>(people.size());
    EXPECT_NEAR(model.ExpectedRepeats(50), mean, 0.015 * mean) << a;
  }
}

TEST(BgNbd, ExpectationsOfTheFutureGrowFromNothing) {
  const PurchaseSummary person{.frequency = 3, .recency = 20, .age = 25};
  EXPECT_EQ(kPublished.ExpectedPurchases(0, person), 0);
  double before = 0;
  for (const double time : {0.001, 1.0, 10.0, 100.0, 1000.0, 100'000.0}) {
    const double expected = kPublished.ExpectedPurchases(time, person);
    EXPECT_GT(expected, before);
    before = expected;
  }
}

TEST(BgNbd, SaysWhatTheDataLack) {
  EXPECT_EQ(FitBgNbd({}).status().message(), "nobody has bought anything");
  const std::vector<PurchaseSummary> once(100, {.frequency = 0, .recency = 0, .age = 30});
  EXPECT_EQ(FitBgNbd(once).status().message(), "nobody has bought twice, on different days");
}

}  // namespace
}  // namespace sojourn::insights
