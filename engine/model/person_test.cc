#include "engine/model/person.h"

#include <gtest/gtest.h>

namespace sojourn::model {
namespace {

TEST(PersonTest, TraitsStaySortedAndNullDeletes) {
  Person person;
  person.SetTrait("tier", Value::String("gold"));
  person.SetTrait("email", Value::String("a@shop.example"));
  person.SetTrait("tier", Value::String("silver"));
  ASSERT_EQ(person.traits.size(), 2u);
  EXPECT_EQ(person.traits[0].name, "email");
  EXPECT_EQ(person.FindTrait("tier")->text(), "silver");
  person.SetTrait("tier", Value::Null());
  EXPECT_EQ(person.FindTrait("tier"), nullptr);
}

}  // namespace
}  // namespace sojourn::model
