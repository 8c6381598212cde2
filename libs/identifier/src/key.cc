#include "tributary/identifier/key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tributary/base/status.h"

namespace tributary::identifier {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kMinSecretBytes = 16;
// Keeps these digests apart from any other use of the same secret. Changing it changes every key.
constexpr std::string_view kDomain = "tributary.identifier.1";

using Digest = std::array<unsigned char, kDigestBytes>;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using MdPtr = std::unique_ptr<EVP_MD, Freed<EVP_MD_free>>;
using MdContextPtr = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, Freed<EVP_MAC_free>>;
using MacContextPtr = std::unique_ptr<EVP_MAC_CTX, Freed<EVP_MAC_CTX_free>>;

[[noreturn]] void Fail() {
  std::fputs("identifier: the cryptographic library failed; going on would join or part people\n", stderr);
  std::abort();
}

// Four bytes of length, least first, then the bytes.
void AppendField(std::string& out, std::string_view field) {
  const auto size = static_cast<uint32_t>(field.size());
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((size >> shift) & 0xFF));
  out.append(field);
}

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Digest Sha256(const EVP_MD* sha256, std::string_view text) {
  // Making a context costs more than hashing an identifier.
  thread_local const MdContextPtr context(EVP_MD_CTX_new());
  Digest digest;
  if (context == nullptr || EVP_DigestInit_ex2(context.get(), sha256, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
    Fail();
  }
  return digest;
}

Digest Hmac(const EVP_MAC_CTX* keyed, std::string_view text) {
  const MacContextPtr context(EVP_MAC_CTX_dup(keyed));
  Digest digest;
  size_t written = 0;
  if (context == nullptr || EVP_MAC_update(context.get(), Bytes(text), text.size()) != 1 ||
      EVP_MAC_final(context.get(), digest.data(), &written, digest.size()) != 1 || written != digest.size()) {
    Fail();
  }
  return digest;
}

}  // namespace

struct KeyMaker::State {
  MdPtr sha256;
  MacContextPtr keyed;  // null without a secret; never changed, so that threads may copy it at once
};

absl::StatusOr<OpaqueKey> OpaqueKey::FromBytes(std::string_view bytes) {
  if (bytes.size() != kBytes) return absl::InvalidArgumentError("an identifier key has 16 bytes");
  return OpaqueKey(std::string(bytes));
}

std::string OpaqueKey::ToHex() const {
  std::string hex;
  for (const char byte : bytes_) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

KeyMaker::KeyMaker(std::unique_ptr<State> state) : state_(std::move(state)) {}
KeyMaker::KeyMaker(KeyMaker&&) noexcept = default;
KeyMaker& KeyMaker::operator=(KeyMaker&&) noexcept = default;
KeyMaker::~KeyMaker() = default;

absl::StatusOr<KeyMaker> KeyMaker::Create(std::optional<std::string_view> secret) {
  auto state = std::make_unique<State>();
  state->sha256.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  if (state->sha256 == nullptr) return absl::InternalError("OpenSSL offers no SHA-256");
  if (!secret.has_value()) return KeyMaker(std::move(state));

  if (secret->size() < kMinSecretBytes) {
    return absl::InvalidArgumentError("the secret for identifier keys must have 16 bytes or more");
  }
  const MacPtr hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  if (hmac == nullptr) return absl::InternalError("OpenSSL offers no HMAC");
  state->keyed.reset(EVP_MAC_CTX_new(hmac.get()));
  std::string digest_name = "SHA256";
  const std::array<OSSL_PARAM, 2> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name.data(), 0), OSSL_PARAM_construct_end()};
  if (state->keyed == nullptr || EVP_MAC_init(state->keyed.get(), Bytes(*secret), secret->size(), params.data()) != 1) {
    return absl::InternalError("OpenSSL cannot make HMAC-SHA256");
  }
  return KeyMaker(std::move(state));
}

OpaqueKey KeyMaker::Make(std::string_view workspace, const Identifier& normal) const {
  std::string text;
  text.reserve(kDomain.size() + workspace.size() + normal.type.size() + normal.issuer.size() + normal.value.size() +
               20);
  for (const std::string_view field : {kDomain, workspace, std::string_view(normal.type),
                                       std::string_view(normal.issuer), std::string_view(normal.value)}) {
    AppendField(text, field);
  }
  const Digest digest = state_->keyed ? Hmac(state_->keyed.get(), text) : Sha256(state_->sha256.get(), text);
  return OpaqueKey(std::string(reinterpret_cast<const char*>(digest.data()), OpaqueKey::kBytes));
}

}  // namespace tributary::identifier
