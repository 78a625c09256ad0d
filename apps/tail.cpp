#include "apps/tail.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace murmur::apps {
namespace {

double number(const nlohmann::json& record, const char* key, double otherwise) {
  const auto found = record.find(key);
  return found != record.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string text(const nlohmann::json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

void Tail::poll() {
  std::error_code error;
  const auto size = std::filesystem::file_size(path_, error);
  if (error) return;
  if (size < offset_) {  // begun anew
    offset_ = 0;
    partial_.clear();
  }
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string added(size - offset_, '\0');
  file.read(added.data(), static_cast<std::streamsize>(added.size()));
  added.resize(static_cast<std::size_t>(file.gcount()));
  offset_ += added.size();
  partial_ += added;
  std::size_t begin = 0;
  for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n', begin)) {
    take(std::string_view(partial_).substr(begin, end - begin));
    begin = end + 1;
  }
  partial_.erase(0, begin);
}

void Tail::take(std::string_view line) {
  const auto record =
      nlohmann::json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!record.is_object()) return;
  const std::string event = text(record, "event");
  if (event == "start") {
    started_ = number(record, "pid", 0) == static_cast<double>(pid_);
    if (!started_) return;
    progress_.id = text(record, "id");
    progress_.address = text(record, "address");
    progress_.seconds = number(record, "t", 0);
  }
  if (!started_) return;
  if (event == "phase") progress_.phase = text(record, "phase");
  if (event == "evaluation") {
    progress_.test_accuracy = number(record, "test_accuracy", PeerProgress::kNone);
    progress_.test_loss = number(record, "test_loss", PeerProgress::kNone);
  }
  if (event != "status") return;
  progress_.phase = text(record, "phase");
  progress_.step = static_cast<std::uint64_t>(number(record, "step", 0));
  progress_.train_loss = number(record, "train_loss", progress_.train_loss);
  progress_.test_accuracy = number(record, "test_accuracy", progress_.test_accuracy);
  progress_.test_loss = number(record, "test_loss", progress_.test_loss);
  progress_.exchanges = static_cast<std::uint64_t>(number(record, "exchanges", 0));
  progress_.staleness_mean = number(record, "staleness_mean", PeerProgress::kNone);
  progress_.spread = number(record, "spread", PeerProgress::kNone);
  const double t = number(record, "t", progress_.seconds);
  const double bytes = number(record, "bytes_sent", 0) + number(record, "bytes_received", 0);
  if (t > progress_.seconds) {
    progress_.kilobytes_per_second = (bytes - status_bytes_) / (t - progress_.seconds) / 1e3;
  }
  progress_.seconds = t;
  status_bytes_ = bytes;
}

}  // namespace murmur::apps
