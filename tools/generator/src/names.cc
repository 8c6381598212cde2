#include "names.h"

#include <array>

namespace tributary::generator {
namespace {

constexpr std::array kGivenNames = std::to_array<Name>({
    {"สมชาย", "somchai", "นาย"},    {"สมหญิง", "somying", "นางสาว"},
    {"ประเสริฐ", "prasert", "นาย"},  {"อรุณี", "arunee", "นาง"},
    {"วิชัย", "wichai", "นาย"},       {"มาลี", "malee", "นางสาว"},
    {"กิตติ", "kitti", "นาย"},        {"พิมพ์ชนก", "pimchanok", "นางสาว"},
    {"ธนพล", "thanapon", "นาย"},    {"สุดารัตน์", "sudarat", "นาง"},
    {"อนุชา", "anucha", "นาย"},      {"จิราพร", "jiraporn", "นางสาว"},
    {"ณัฐวุฒิ", "nattawut", "นาย"},    {"กมลวรรณ", "kamonwan", "นางสาว"},
    {"ชัยวัฒน์", "chaiwat", "นาย"},    {"รัตนา", "rattana", "นาง"},
    {"ปิยะ", "piya", "นาย"},         {"นภาพร", "napaporn", "นางสาว"},
    {"เอกชัย", "ekkachai", "นาย"},   {"วราภรณ์", "waraporn", "นาง"},
    {"ศิริพร", "siriporn", "นางสาว"}, {"ภาณุพงศ์", "panupong", "นาย"},
    {"สุภาพร", "supaporn", "นาง"},   {"ธีรเดช", "teeradet", "นาย"},
});

constexpr std::array kFamilyNames = std::to_array<Name>({
    {"ใจดี", "jaidee", ""},          {"ศรีสุข", "srisuk", ""},
    {"ทองคำ", "thongkham", ""},     {"วงศ์ไทย", "wongthai", ""},
    {"บุญมาก", "bunmak", ""},        {"รักษ์ไทย", "rakthai", ""},
    {"สุวรรณภูมิ", "suwannaphum", ""}, {"แก้วมณี", "kaewmanee", ""},
    {"พงษ์พานิช", "phongphanit", ""}, {"ดำรงค์สกุล", "damrongsakun", ""},
    {"จันทร์เพ็ญ", "chanphen", ""},    {"อินทรสุวรรณ", "intharasuwan", ""},
    {"ชัยชนะ", "chaichana", ""},     {"มั่งมี", "mangmee", ""},
    {"นาคสวัสดิ์", "naksawat", ""},    {"เพชรรัตน์", "phetcharat", ""},
    {"สายทอง", "saithong", ""},     {"ธรรมรักษา", "thammaraksa", ""},
    {"ปัญญาดี", "panyadee", ""},
});

constexpr std::array kForeigners = std::to_array<Foreigner>({
    {"James", "Walker", "en", "44"},
    {"Emma", "Clarke", "en", "44"},
    {"Oliver", "Hughes", "en", "44"},
    {"Sophie", "Bennett", "en", "44"},
    {"Lukas", "Schneider", "en", "49"},
    {"Anna", "Fischer", "en", "49"},
    {"Jonas", "Weber", "en", "49"},
    {"Haruto", "Tanaka", "en", "81"},
    {"Yui", "Kobayashi", "en", "81"},
    {"Wei Ling", "Tan", "en", "65"},
    {"Marcus", "Lim", "en", "65"},
    {"Priya", "Nair", "en", "65"},
});

}  // namespace

std::span<const Name> GivenNames() { return kGivenNames; }
std::span<const Name> FamilyNames() { return kFamilyNames; }
std::span<const Foreigner> Foreigners() { return kForeigners; }

}  // namespace tributary::generator
