// What a run of the model covers, and how its rules can be broken on purpose.
//
// The model (README.md) is of one pair of peers and the rules of docs/protocol.md by which
// transfers move between them: ids, window, Receipt, Resume, Void, checkpoints. Thread rule:
// values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace murmur::model {

/// One rule, left out or got wrong. A run with any of them must find a violation.
enum class Mutant : std::uint8_t {
  kNone,
  kRepeatsAreApplied,        ///< no look at what was seen
  kAnyNewerIsTaken,          ///< a transfer is taken whenever it is above the highest seen
  kReceiptBeforeApply,       ///< it leaves when the transfer is queued
  kReceiptBeyondApplied,     ///< it says that what is still queued is decided
  kReceiptSettlesOtherBoot,  ///< by the number alone
  kReceiptSkipsOne,          ///< an entry is settled though the one before it is not
  kRepeatReceiptedAsWhole,   ///< whatever the verdict was
  kVerdictDroppedAtOnce,     ///< forgotten when the receipt has left
  kVerdictDroppedWhenHeard,  ///< the maker tells what it has in memory, not what it has saved
  kVerdictDroppedAtSave,     ///< ...what its newest checkpoint has, though that may be torn
  kVerdictNotSaved,          ///< the taker's checkpoint has what it saw, not the verdicts
  kWindowIgnored,            ///< by the maker
  kOfferAnsweredTwice,
  kOutboxNotSaved,
  kSeenNotSaved,
  kBootNotCounted,
  kVoidForgetsTheId,
  kVoidOvertakes,      ///< the queued transfers before it
  kTimeoutUndoes,      ///< the maker takes back what nobody receipts
  kPendingOmitsFirst,  ///< in Resume
  kPendingOmitsLast,
  kPendingIgnored,  ///< by the taker of the Resume: counted as lost
  kLostNotMarkedSeen,
  kLostThereCountedAgain,
  kResumeNotCompared,
  /// A replay of one in the same pair of boots, which is held against what the present boot made
  /// since. (Either alone does no harm: each makes up for the other.)
  kResumeTakenAgain,
  kResumeTakenInLane,
  kQueueOutlivesBoot,            ///< transfers queued from an earlier boot of the maker
  kOffersOfEarlierBootsRefused,  ///< though their transfers are pending
};
inline constexpr int kMutants = 30;
std::string_view to_string(Mutant mutant);

/// The limits of one exhaustive run, and what may happen in it.
struct Setup {
  std::string_view name;
  int window = 1;          ///< unreceipted transfers a directed edge
  int boots = 2;           ///< of each peer, at most
  int seqs = 2;            ///< transfers a directed edge and boot, at most
  int offers = 2;          ///< likewise
  int crashes = 9;         ///< of both together
  bool both_ways = false;  ///< both give; else the first peer gives and the second takes
  bool durable = false;    ///< every change is in the checkpoint before anything leaves
  bool torn = false;       ///< a crash may lose the newest checkpoint: the one before is found
  bool shares = false;     ///< the taker may apply a part
  bool refusals = false;   ///< ...or nothing
  bool voids = false;      ///< the maker may drop the payload of a pending transfer
  bool deaths = false;     ///< a peer may go for good
  bool room = false;       ///< the taker has room for verdicts that the maker has settled
};

/// Runs of a few seconds together, and the ones that take minutes.
const std::vector<Setup>& fast_setups();
const std::vector<Setup>& exhaustive_setups();
/// The run that must find `mutant`.
Setup setup_for(Mutant mutant);

}  // namespace murmur::model
