#include "catalogue.h"

#include <array>

namespace tributary::generator {
namespace {

constexpr auto kMenu = std::to_array<Dish>({
    {"khao-soi", "ข้าวซอยไก่", "อาหารเหนือ", 15'900},
    {"gaeng-khiao", "แกงเขียวหวานไก่", "แกง", 18'900},
    {"tom-yam", "ต้มยำกุ้งแม่น้ำ", "ต้มยำ", 32'900},
    {"pad-thai", "ผัดไทยกุ้งสด", "อาหารจานเดียว", 14'900},
    {"som-tam", "ส้มตำไทย", "ยำ", 9'900},
    {"pla-kapong", "ปลากะพงทอดน้ำปลา", "ปลา", 42'000},
    {"kaphrao", "กะเพราหมูสับไข่ดาว", "อาหารจานเดียว", 12'900},
    {"massaman", "แกงมัสมั่นเนื้อ", "แกง", 24'900},
    {"kai-yang", "ไก่ย่างข้าวเหนียว", "อาหารอีสาน", 17'500},
    {"jok", "โจ๊กหมู", "อาหารเช้า", 8'900},
    {"mango-rice", "ข้าวเหนียวมะม่วง", "ของหวาน", 12'950},
    {"bua-loi", "บัวลอยไข่หวาน", "ของหวาน", 7'900},
    {"cha-yen", "ชาเย็น", "เครื่องดื่ม", 6'500},
    {"nam-manao", "น้ำมะนาว", "เครื่องดื่ม", 5'500},
});

constexpr auto kRooms = std::to_array<Room>({
    {"garden", "room-only", 189'000},
    {"river-view", "bed-and-breakfast", 289'000},
    {"pool-villa", "bed-and-breakfast", 645'000},
    {"family-suite", "half-board", 458'000},
});

constexpr auto kRestaurants = std::to_array<std::string_view>(
    {"bangkok-thonglor", "bangkok-ari", "chiangmai-nimman", "phuket-oldtown", "khonkaen-lakeside", "huahin-market"});
constexpr auto kHotels = std::to_array<std::string_view>({"huahin-resort", "chiangmai-riverside", "phuket-beach"});

constexpr auto kPages = std::to_array<Page>({
    {"/", "บ้านสวนริมน้ำ"},
    {"/menu", "เมนูอาหาร"},
    {"/menu/seasonal", "เมนูตามฤดูกาล"},
    {"/rooms", "Rooms and suites"},
    {"/rooms/river-view", "ห้องวิวแม่น้ำ"},
    {"/rooms/pool-villa", "Pool villa"},
    {"/promotions", "โปรโมชั่นเดือนนี้"},
    {"/club", "สมัครสมาชิก Baan Suan Club"},
    {"/delivery", "สั่งอาหารส่งถึงบ้าน"},
    {"/branches", "สาขาของเรา"},
    {"/contact", "ติดต่อเรา"},
});

constexpr auto kQuestions = std::to_array<Talk>({
    {"reservation", "วันเสาร์นี้มีโต๊ะว่างสำหรับ 6 คนไหมคะ", "Do you have a table for six this Saturday?"},
    {"opening-hours", "ร้านเปิดกี่โมงครับ", "What time do you open?"},
    {"parking", "มีที่จอดรถไหมคะ", "Is there parking at the restaurant?"},
    {"points", "แต้มสะสมหมดอายุเมื่อไหร่ครับ", "When do my points expire?"},
    {"allergy", "ลูกแพ้ถั่วลิสง มีเมนูไหนทานได้บ้างคะ", "My son is allergic to peanuts. What can he eat?"},
    {"delivery", "ส่งถึงซอยอารีย์ไหมครับ ค่าส่งเท่าไหร่", "Do you deliver to Soi Ari, and what does it cost?"},
    {"invoice", "ขอใบกำกับภาษีเต็มรูปแบบย้อนหลังได้ไหมคะ", "Can I still get a full tax invoice for last week?"},
    {"check-in", "ขอเช็กอินก่อนบ่ายสองได้ไหมครับ", "May we check in before two in the afternoon?"},
    {"breakfast", "ราคานี้รวมอาหารเช้าหรือยังคะ", "Does the rate include breakfast?"},
    {"pets", "พาน้องหมาเข้าพักได้ไหมคะ", "Can we bring our dog?"},
    {"transfer", "มีรถรับส่งจากสนามบินไหมครับ", "Is there a transfer from the airport?"},
    {"vegetarian", "ช่วงกินเจมีเมนูเจไหมคะ", "Which dishes are vegan?"},
});

constexpr auto kStaffAnswers = std::to_array<Talk>({
    {"", "ขอบคุณที่ติดต่อมาค่ะ แอดมินตรวจสอบให้สักครู่นะคะ", "Thank you for your message. Let me check for you."},
    {"", "ได้ค่ะ จัดให้เรียบร้อยแล้วนะคะ", "Yes, that is arranged for you."},
    {"", "ขออภัยในความไม่สะดวกนะคะ ขอเบอร์ติดต่อกลับได้ไหมคะ", "We are sorry. May we call you back?"},
    {"", "แจ้งทางสาขาให้แล้วค่ะ รอพบนะคะ", "The branch has been told. We look forward to seeing you."},
});

constexpr auto kThanks = std::to_array<Talk>({
    {"", "ขอบคุณมากค่ะ 🙏", "Thank you!"},
    {"", "โอเคครับ ขอบคุณครับ", "Great, thanks a lot."},
    {"", "รับทราบค่ะ", "Understood, see you then."},
});

constexpr auto kTableComplaints = std::to_array<Talk>({
    {"waiting-time", "รออาหารนานเกือบชั่วโมง พนักงานไม่แจ้งอะไรเลย", "We waited almost an hour and nobody told us why."},
    {"food", "ต้มยำเค็มมาก ทานไม่ได้เลยค่ะ", "The tom yam was far too salty to eat."},
    {"billing", "คิดเงินผิด มีรายการที่ไม่ได้สั่ง", "The bill had an item that we did not order."},
    {"staff", "พนักงานพูดจาไม่สุภาพ รู้สึกแย่มาก", "The waiter was rude to my mother."},
    {"food", "เจอเส้นผมในแกงเขียวหวาน แจ้งแล้วแค่ยกไปเปลี่ยน ไม่มีคำขอโทษ",
     "There was a hair in the curry. It was changed without a word of apology."},
    {"delivery", "สั่งสองทุ่ม ได้ของสามทุ่มครึ่ง อาหารเย็นหมดแล้ว", "Ordered at eight, delivered at half past nine, all cold."},
    {"delivery", "ได้ของไม่ครบ ขาดข้าวเหนียวมะม่วงหนึ่งชุด", "One mango sticky rice was missing from the bag."},
    {"points", "แต้มไม่เข้าตั้งแต่เดือนที่แล้ว โทรไปสองรอบก็ยังไม่เข้า",
     "My points have been missing since last month, though I have called twice."},
    {"noise", "เสียงดนตรีดังมาก คุยกันไม่รู้เรื่องเลย", "The music was so loud that we could not talk."},
    {"health", "ทานแล้วท้องเสียทั้งครอบครัว อยากให้ตรวจสอบด่วน",
     "The whole family was ill after dinner. Please look into it at once."},
});

constexpr auto kRoomComplaints = std::to_array<Talk>({
    {"room", "แอร์ในห้องเสียทั้งคืน นอนไม่หลับ", "The air conditioning was broken all night."},
    {"cleanliness", "ผ้าปูที่นอนมีคราบ ห้องน้ำไม่สะอาด", "There were stains on the sheets and the bathroom was not clean."},
    {"check-in", "รอเช็กอินเกือบชั่วโมงทั้งที่จองไว้แล้ว", "We had a booking and still waited an hour to check in."},
    {"noise", "ห้องติดถนน เสียงรถดังทั้งคืน ขอเปลี่ยนห้องก็ไม่ได้", "Street noise all night, and we were refused another room."},
    {"billing", "โดนหักเงินประกันสองรอบ ยังไม่คืน", "The deposit was charged twice and has not been returned."},
    {"wifi", "ไวไฟใช้ไม่ได้เลย ต้องประชุมงานก็ประชุมไม่ได้", "The Wi-Fi never worked and I missed my meetings."},
    {"breakfast", "อาหารเช้าหมดตั้งแต่เก้าโมง", "Breakfast had run out by nine."},
});

constexpr auto kTablePraise = std::to_array<Talk>({
    {"food", "อาหารอร่อย บรรยากาศดี พนักงานน่ารัก", "Delicious food, lovely place, kind staff."},
    {"food", "ข้าวซอยอร่อยที่สุดเท่าที่เคยทานมา", "The best khao soi that I have ever had."},
    {"staff", "น้องพนักงานสาขานี้ดูแลดีมากค่ะ ใส่ใจทุกรายละเอียด", "The staff of this branch looked after every detail."},
    {"allergy", "จำได้ว่าลูกแพ้ถั่ว ประทับใจมาก", "They remembered my son's allergy. We were touched."},
    {"service", "โทรแจ้งปัญหาแล้วแก้ให้ทันที ขอบคุณครับ", "I called about a problem and it was solved at once."},
    {"value", "คุ้มค่าราคา จะกลับมาอีกแน่นอน", "Good value. We will certainly be back."},
});

constexpr auto kRoomPraise = std::to_array<Talk>({
    {"room", "ห้องวิวแม่น้ำสวยมาก ที่นอนนุ่ม หลับสบาย", "A beautiful river view, and we slept very well."},
    {"staff", "พนักงานต้อนรับอัปเกรดห้องให้วันเกิด ประทับใจมากค่ะ", "Reception upgraded us for my birthday. Thank you!"},
    {"breakfast", "อาหารเช้าหลากหลาย โจ๊กอร่อยมาก", "A generous breakfast, and the congee was wonderful."},
    {"pool", "สระสะอาด เด็ก ๆ ชอบมาก", "The pool was clean and the children loved it."},
    {"location", "ทำเลดี เดินไปตลาดได้", "Well situated, a short walk from the market."},
});

constexpr auto kSuggestions = std::to_array<Talk>({
    {"menu", "อยากให้มีเมนูเจเพิ่มค่ะ", "Please add more vegan dishes."},
    {"app", "แอปควรจองโต๊ะได้เลยไม่ต้องโทร", "It would help to book a table in the app."},
    {"parking", "โดยรวมดี แต่ที่จอดรถน้อย", "Good on the whole, but there are too few places to park."},
    {"room", "น่าจะมีปลั๊กไฟข้างเตียงมากกว่านี้", "A few more sockets beside the bed would help."},
});

}  // namespace

std::span<const Dish> Menu() { return kMenu; }
std::span<const Room> Rooms() { return kRooms; }
std::span<const std::string_view> Restaurants() { return kRestaurants; }
std::span<const std::string_view> Hotels() { return kHotels; }
std::span<const Page> Pages() { return kPages; }
std::span<const Talk> Questions() { return kQuestions; }
std::span<const Talk> StaffAnswers() { return kStaffAnswers; }
std::span<const Talk> Thanks() { return kThanks; }
std::span<const Talk> TableComplaints() { return kTableComplaints; }
std::span<const Talk> RoomComplaints() { return kRoomComplaints; }
std::span<const Talk> TablePraise() { return kTablePraise; }
std::span<const Talk> RoomPraise() { return kRoomPraise; }
std::span<const Talk> Suggestions() { return kSuggestions; }

}  // namespace tributary::generator
