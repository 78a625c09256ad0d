// StateCopy: how a newcomer, or a peer of a lineage that yields to another, gets the parameters and
// the optimizer of a neighbour before its first step, plane by plane in chunks that it asks for one
// after the other (docs/protocol.md, "A newcomer"). Each chunk is checked by its message's CRC-32C,
// so another donor goes on where one fell silent, and the donor is asked again only after a while
// and so many times; one whose state this replica cannot take is told so and never asked again.
// Donors are those that are furthest. Memory: one state of this replica's own kind, grown by what
// arrives.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "gossip/links.hpp"
#include "gossip/shell.hpp"

namespace murmur::gossip {

class StateCopy {
 public:
  StateCopy(Shell& shell, Links& links);

  /// Looks for a donor if there is none and need of one; called when a link comes up.
  void seek();
  void on_chunk(const wire::Header& header, const wire::StateChunk& chunk,
                const core::Payload& payload);
  void on_link(core::PeerId peer, LinkChange change);
  void on_request_timer(const Timer& timer);
  /// Why there is no hope of a state, if so: every contact has refused this peer; for
  /// Config::join_max there was no donor, and nothing came from one; or for a sixth of that there
  /// was none but such as were given up.
  [[nodiscard]] std::optional<std::string> hopeless() const;
  [[nodiscard]] core::Instant gives_up_at() const;
  /// The state to adopt, once it is whole.
  std::optional<Adopt> next_adoption();
  /// True: adopted, with the donor's step as the model's age, and its lineage. False: it was not to
  /// be; another donor is sought.
  bool done(const Adopted& result);

 private:
  struct Copy {
    core::PeerId donor;
    std::uint32_t snapshot = 0;  ///< 0 until its first chunk
    int tries = 0;
    core::Duration backoff{0};
    bool whole = false;
    std::uint64_t had = 0;   ///< bytes of the state when last...
    core::Instant had_at{};  ///< ...it had brought enough in time
  };
  /// What came of a state, from whichever donors: replicas of one lineage are near each other, so
  /// one may go on where another stopped.
  struct Parts {
    core::Lineage lineage = 0;
    std::uint64_t step = 0;  ///< the newest chunk's
    core::Snapshot state;
  };
  /// What came of one donor before.
  struct Tried {
    core::Boot boot = 0;
    int failures = 0;
    core::Duration backoff{0};
    core::Instant not_before{};
  };
  [[nodiscard]] bool wanted() const;
  [[nodiscard]] bool may_donate(core::PeerId peer, const Link& link) const;
  [[nodiscard]] bool given_up(core::PeerId peer, const Link& link) const;
  [[nodiscard]] std::uint64_t plane_size() const;
  [[nodiscard]] std::uint64_t size() const;
  /// It may do better next time.
  void leave_donor(const std::string& why);
  /// It will not.
  void give_up_donor(const std::string& why);
  void request();

  Shell& shell_;
  Links& links_;
  core::Instant heard_;  ///< when a donor was first asked or sent something; at first, the start
  std::optional<Copy> copy_;
  std::optional<Parts> parts_;
  bool with_optimizer_ = false;    ///< what is being adopted
  core::Instant not_before_{};     ///< once a lineage's state was refused...
  core::Duration refused_for_{0};  ///< ...for so long
  std::map<core::PeerId, Tried> tried_;
  std::optional<core::Instant> given_up_at_;  ///< the last one
  std::string why_;                           ///< what came of the last donor
  TimerSlot request_timer_;
};

}  // namespace murmur::gossip
