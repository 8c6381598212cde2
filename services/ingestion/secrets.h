// Secrets that callers present: how they are drawn, and the digests that alone are kept.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tributary/base/random.h"

namespace tributary::ingestion {

inline constexpr std::string_view kCredentialPrefix = "trk_";
inline constexpr std::string_view kWriteKeyPrefix = "twk_";

// `prefix` and 192 random bits in hexadecimal. The prefix lets scanners for leaked secrets find it.
std::string NewSecret(Random& random, std::string_view prefix);

// SHA-256, 32 bytes. No salt and no stretching: a secret of 192 random bits cannot be guessed.
std::string SecretDigest(std::string_view secret);

// "cred-" and 16 hexadecimal digits that follow from the digest but tell nothing about it.
std::string CredentialIdOf(std::string_view secret_digest);

// Digests of secrets that were drawn for commands which are not decided yet. They travel beside the command and not in
// its body, so that a retry, for which another secret is drawn, is the same request. Thread-safe.
class SecretOffers {
  struct Table {
    std::mutex mutex;
    std::multimap<std::string, std::string> offers;
  };

 public:
  // Held until the command is answered; may outlive the SecretOffers.
  class Offer {
   public:
    ~Offer();
    Offer(const Offer&) = delete;
    Offer& operator=(const Offer&) = delete;

   private:
    friend class SecretOffers;
    Offer(std::shared_ptr<Table> table, std::multimap<std::string, std::string>::iterator at)
        : table_(std::move(table)), at_(at) {}
    const std::shared_ptr<Table> table_;
    const std::multimap<std::string, std::string>::iterator at_;
  };

  SecretOffers() : table_(std::make_shared<Table>()) {}
  std::shared_ptr<Offer> Add(const std::string& request_id, std::string digest);
  // The digest that counts for a command: one of those offered now; nothing if none is.
  std::optional<std::string> Find(const std::string& request_id) const;

 private:
  const std::shared_ptr<Table> table_;
};

}  // namespace tributary::ingestion
