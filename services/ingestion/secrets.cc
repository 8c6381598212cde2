#include "ingestion/secrets.h"

#include <openssl/sha.h>

#include "fmt/format.h"

namespace tributary::ingestion {

std::string NewSecret(Random& random, std::string_view prefix) {
  const uint64_t a = random.Next64();
  const uint64_t b = random.Next64();
  const uint64_t c = random.Next64();
  return fmt::format("{}{:016x}{:016x}{:016x}", prefix, a, b, c);
}

std::string SecretDigest(std::string_view secret) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string CredentialIdOf(std::string_view secret_digest) {
  const std::string hash = SecretDigest(fmt::format("credential id {}", secret_digest));
  std::string id = "cred-";
  for (int i = 0; i < 8; ++i) id += fmt::format("{:02x}", static_cast<unsigned char>(hash[i]));
  return id;
}

SecretOffers::Offer::~Offer() {
  std::lock_guard lock(table_->mutex);
  table_->offers.erase(at_);
}

std::shared_ptr<SecretOffers::Offer> SecretOffers::Add(const std::string& request_id, std::string digest) {
  std::lock_guard lock(table_->mutex);
  const auto at = table_->offers.emplace(request_id, std::move(digest));
  return std::shared_ptr<Offer>(new Offer(table_, at));
}

std::optional<std::string> SecretOffers::Find(const std::string& request_id) const {
  std::lock_guard lock(table_->mutex);
  const auto at = table_->offers.find(request_id);
  if (at == table_->offers.end()) return std::nullopt;
  return at->second;
}

}  // namespace tributary::ingestion
