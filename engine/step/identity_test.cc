#include "engine/step/identity.h"

#include <set>

#include <gtest/gtest.h>

namespace sojourn::step {
namespace {

struct Fixture {
  Fixture() {
    run.entry = 3;
    run.entered_at = Timestamp(1772442000000);
    run.passes.Append(&arena, 2);
  }
  Arena arena;
  model::Run run;
};

// Texts from an independent implementation.
TEST(IdentityTest, ActionIdIsTheHashOfTheOccasion) {
  Fixture fixture;
  const std::string occasion = OccasionText("u1", "win-back", fixture.run, "2.coupon.1");
  EXPECT_EQ(occasion, "2:u18:win-back4:null1:313:177244200000010:2.coupon.11:2");
  EXPECT_EQ(ActionId(occasion), "act_031c4e7dfee368f3d174aab995efad69");
  EXPECT_EQ(CouponCode("key", "pool", occasion, 8), "T7T5RH74");
}

TEST(IdentityTest, EveryPartOfTheOccasionCounts) {
  Fixture fixture;
  std::set<std::string> occasions;
  const auto add = [&] { occasions.insert(OccasionText("u1", "j", fixture.run, "1")); };
  add();
  fixture.run.run_key = model::Value::Int(1);
  add();
  fixture.run.run_key = model::Value::String("1");
  add();
  ++fixture.run.entry;
  add();
  fixture.run.entered_at = Timestamp(5);
  add();
  fixture.run.passes[0] = 3;
  add();
  occasions.insert(OccasionText("u1", "j", fixture.run, "2"));
  occasions.insert(OccasionText("u", "1j", fixture.run, "2"));
  EXPECT_EQ(occasions.size(), 8u);
}

TEST(IdentityTest, CodesHaveTheirLengthAndNoLookAlikes) {
  const std::string code = CouponCode("key", "pool", "occasion", 100);
  EXPECT_EQ(code.size(), 100u);
  EXPECT_EQ(code.find_first_of("01IOabcdefghijklmnopqrstuvwxyz"), std::string::npos);
  EXPECT_NE(code.substr(0, 8), CouponCode("other key", "pool", "occasion", 8));
}

}  // namespace
}  // namespace sojourn::step
