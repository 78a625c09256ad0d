// Trust: the list that narrows a swarm's members to some: a file of one public key and a name a
// line
// (`murmur peer` says its own key at its start; empty lines and those that begin with # are left
// out). The file is looked at again every so often, so that a change takes effect without a
// restart. A file that becomes unreadable or malformed changes nothing: the list stays as it was
// last read. Thread rule: one thread.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/keys.hpp"
#include "core/result.hpp"

namespace murmur::net {

using TrustList = std::map<core::PublicKey, std::string>;

/// Error: names the line that is not a public key and a name, or repeats a key.
core::Result<TrustList> parse_trust(std::string_view text);

class Trust {
 public:
  /// Error: `file` cannot be read or is malformed.
  static core::Result<Trust> open(const std::filesystem::path& file);

  [[nodiscard]] bool includes(const core::PublicKey& key) const { return list_.contains(key); }

  struct Change {
    std::vector<core::PublicKey> removed;
    std::string words;  ///< for a person: what changed, or why the file is not followed
  };
  /// Reads the file again; what is new in it or, once, what is wrong with it.
  std::optional<Change> look();

 private:
  Trust(std::filesystem::path file, std::string text, TrustList list);
  std::filesystem::path file_;
  std::string text_;  ///< that list_ was read from
  TrustList list_;
  std::string complaint_;  ///< that was last made; empty: the file is as list_ has it
};

}  // namespace murmur::net
