#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/echo_server.h"
#include "tributary/base/status.h"

namespace tributary::rpc::testing {
namespace {

// Tests run at once, each in a process of its own, and share one temporary folder.
std::string OwnFile(const std::string& name) {
  return fmt::format("{}tls_test_{}_{}", ::testing::TempDir(), getpid(), name);
}

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using File = std::unique_ptr<FILE, Free<fclose>>;

// A certificate for 127.0.0.1 that signs itself, valid for an hour, and its key, as files.
class SelfSigned {
 public:
  explicit SelfSigned(const std::string& name)
      : certificate_file(OwnFile(name + "_cert.pem")), key_file(OwnFile(name + "_key.pem")) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                               -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    AddExtension(certificate.get(), NID_subject_alt_name, "IP:127.0.0.1");
    AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    PEM_write_X509(File(fopen(certificate_file.c_str(), "w")).get(), certificate.get());
    PEM_write_PrivateKey(File(fopen(key_file.c_str(), "w")).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  ~SelfSigned() {
    std::filesystem::remove(certificate_file);
    std::filesystem::remove(key_file);
  }

  const std::string certificate_file;
  const std::string key_file;

 private:
  static void AddExtension(X509* certificate, int nid, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    X509_add_ext(certificate, extension.get(), -1);
  }
};

absl::Status Say(const ClientOptions& options) {
  auto client = Client::Open(options);
  if (!client.ok()) return client.status();
  return client->Call(*Echo::NewStub(client->channel()), &Echo::Stub::Say, SayRequest()).status();
}

TEST(TlsTest, AClientThatTrustsTheCertificateIsServedAndOthersAreNot) {
  const SelfSigned server_identity("server");
  const SelfSigned other("other");
  EchoServer server(
      EchoText, {},
      {.tls = {.certificate_file = server_identity.certificate_file, .private_key_file = server_identity.key_file}});
  ClientOptions options{.target = server.target(), .bearer_secret = kReadSecret};
  EXPECT_EQ(Say(options).code(), absl::StatusCode::kUnavailable) << "in the clear";
  options.tls = true;
  options.ca_file = other.certificate_file;
  EXPECT_EQ(Say(options).code(), absl::StatusCode::kUnavailable) << "another authority";
  options.ca_file = server_identity.certificate_file;
  EXPECT_EQ(Say(options), absl::OkStatus());
}

TEST(TlsTest, AServerMayAskForTheClientsCertificate) {
  const SelfSigned server_identity("server");
  const SelfSigned client_identity("client");
  EchoServer server(EchoText, {},
                    {.tls = {.certificate_file = server_identity.certificate_file,
                             .private_key_file = server_identity.key_file,
                             .client_ca_file = client_identity.certificate_file}});
  ClientOptions options{.target = server.target(),
                        .tls = true,
                        .ca_file = server_identity.certificate_file,
                        .bearer_secret = kReadSecret};
  EXPECT_EQ(Say(options).code(), absl::StatusCode::kUnavailable);
  options.certificate_file = client_identity.certificate_file;
  options.private_key_file = client_identity.key_file;
  EXPECT_EQ(Say(options), absl::OkStatus());
}

TEST(TlsTest, AWrongFileIsNamed) {
  const SelfSigned identity("server");
  const std::string no_pem = OwnFile("no_pem.txt");
  std::ofstream(no_pem) << "hello\n";
  const auto start = [](const ServerTls& tls) { return Server::Start({.tls = tls}, {}).status(); };

  const absl::Status half = start({.certificate_file = identity.certificate_file});
  EXPECT_EQ(DetailOf(half)->field, "tls.private_key_file");
  const absl::Status absent = start({.certificate_file = "/nowhere.pem", .private_key_file = identity.key_file});
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailOf(absent)->field, "tls.certificate_file");
  const absl::Status text = start({.certificate_file = identity.certificate_file, .private_key_file = no_pem});
  EXPECT_EQ(DetailOf(text)->reason, "FILE_NOT_PEM");
  const absl::Status ca_alone = start({.client_ca_file = identity.certificate_file});
  EXPECT_EQ(DetailOf(ca_alone)->field, "tls.client_ca_file");
  EXPECT_EQ(DetailOf(Client::Open({.target = "x:1", .tls = true, .ca_file = "/nowhere.pem"}).status())->field,
            "ca_file");
  std::filesystem::remove(no_pem);
}

}  // namespace
}  // namespace tributary::rpc::testing
