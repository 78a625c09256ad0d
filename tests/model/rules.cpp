#include "tests/model/rules.hpp"

#include <array>

namespace murmur::model {

std::string_view to_string(Mutant mutant) {
  static constexpr std::array<std::string_view, kMutants> kNames = {
      "none",
      "repeats_are_applied",
      "any_newer_is_taken",
      "receipt_before_apply",
      "receipt_beyond_applied",
      "receipt_settles_other_boot",
      "receipt_skips_one",
      "repeat_receipted_as_whole",
      "verdict_dropped_at_once",
      "verdict_dropped_when_heard",
      "verdict_dropped_at_save",
      "verdict_not_saved",
      "window_ignored",
      "offer_answered_twice",
      "outbox_not_saved",
      "seen_not_saved",
      "boot_not_counted",
      "void_forgets_the_id",
      "void_overtakes",
      "timeout_undoes",
      "pending_omits_first",
      "pending_omits_last",
      "pending_ignored",
      "lost_not_marked_seen",
      "lost_there_counted_again",
      "resume_not_compared",
      "resume_taken_again",
      "resume_taken_in_lane",
      "queue_outlives_boot",
      "offers_of_earlier_boots_refused",
  };
  return kNames[static_cast<std::size_t>(mutant)];
}

const std::vector<Setup>& fast_setups() {
  static const std::vector<Setup> setups = {
      {.name = "one: two crashes", .window = 1, .seqs = 1, .offers = 2, .crashes = 2},
      {.name = "one: refused and void",
       .window = 1,
       .seqs = 1,
       .offers = 1,
       .crashes = 1,
       .refusals = true,
       .voids = true},
      {.name = "one: shares and a torn checkpoint",
       .window = 1,
       .seqs = 1,
       .offers = 2,
       .crashes = 1,
       .torn = true,
       .shares = true},
      {.name = "one: shares, torn, and room for all verdicts",
       .window = 1,
       .seqs = 1,
       .offers = 2,
       .crashes = 1,
       .torn = true,
       .shares = true,
       .room = true},
      {.name = "two: a crash", .window = 2, .crashes = 1},
      {.name = "two: all is saved", .window = 2, .crashes = 2, .durable = true},
      {.name = "two: a death", .window = 2, .crashes = 0, .voids = true, .deaths = true},
      {.name = "two: both ways",
       .window = 2,
       .seqs = 1,
       .offers = 1,
       .crashes = 1,
       .both_ways = true},
      {.name = "three", .window = 3, .seqs = 3, .offers = 3, .crashes = 0},
      {.name = "three: all is saved",
       .window = 3,
       .seqs = 3,
       .offers = 3,
       .crashes = 1,
       .durable = true},
  };
  return setups;
}

const std::vector<Setup>& exhaustive_setups() {
  static const std::vector<Setup> setups = {
      {.name = "one: long", .window = 1, .crashes = 2},
      {.name = "one: long, refused and void",
       .window = 1,
       .crashes = 1,
       .refusals = true,
       .voids = true},
      {.name = "one: long, shares and torn",
       .window = 1,
       .crashes = 1,
       .torn = true,
       .shares = true},
      {.name = "one: three boots", .window = 1, .boots = 3, .seqs = 1, .offers = 1, .crashes = 3},
      {.name = "one: both ways, two crashes",
       .window = 1,
       .seqs = 1,
       .offers = 1,
       .crashes = 2,
       .both_ways = true},
      {.name = "two: long, a crash", .window = 2, .seqs = 3, .offers = 3, .crashes = 1},
      {.name = "two: three boots", .window = 2, .boots = 3, .seqs = 1, .offers = 1, .crashes = 3},
      {.name = "two: shares", .window = 2, .crashes = 1, .shares = true},
      {.name = "two: torn", .window = 2, .crashes = 1, .torn = true, .shares = true},
      {.name = "two: refused and void", .window = 2, .crashes = 1, .refusals = true, .voids = true},
      {.name = "two: both ways, all is saved",
       .window = 2,
       .seqs = 1,
       .offers = 2,
       .crashes = 2,
       .both_ways = true,
       .durable = true},
      {.name = "two: shares, two crashes",
       .window = 2,
       .seqs = 1,
       .offers = 2,
       .crashes = 2,
       .shares = true},
      {.name = "two: shares, refused, void and torn",
       .window = 2,
       .crashes = 1,
       .torn = true,
       .shares = true,
       .refusals = true,
       .voids = true},
      {.name = "two: torn, and room for all verdicts",
       .window = 2,
       .crashes = 1,
       .torn = true,
       .shares = true,
       .room = true},
      {.name = "three: a crash", .window = 3, .seqs = 3, .offers = 3, .crashes = 1},
      {.name = "three: all is saved, long",
       .window = 3,
       .seqs = 3,
       .offers = 3,
       .crashes = 2,
       .durable = true},
  };
  return setups;
}

Setup setup_for(Mutant mutant) {
  Setup setup{.name = to_string(mutant),
              .window = 2,
              .crashes = 2,
              .shares = true,
              .refusals = true,
              .voids = true};
  switch (mutant) {
    case Mutant::kReceiptSkipsOne:
    case Mutant::kResumeTakenAgain:
      setup.seqs = 1;
      setup.shares = setup.refusals = setup.voids = false;
      break;
    case Mutant::kVerdictDroppedAtSave:
      setup.window = setup.crashes = 1;
      setup.torn = true;
      setup.refusals = setup.voids = false;
      break;
    case Mutant::kWindowIgnored:
      setup.window = 1;
      setup.crashes = 0;
      setup.shares = setup.refusals = setup.voids = false;
      break;
    case Mutant::kReceiptSettlesOtherBoot:
    case Mutant::kLostThereCountedAgain:
      setup.seqs = setup.offers = 1;
      setup.shares = setup.refusals = setup.voids = false;
      break;
    case Mutant::kReceiptBeyondApplied:
      setup.crashes = 0;
      break;
    default:
      break;
  }
  return setup;
}

}  // namespace murmur::model
