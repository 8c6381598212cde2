// What a person of a history does with us: scenes of one to some fifteen events. Each begins at the stage's now, and
// may put on the agenda what follows from it.
#pragma once

#include <string>

#include "stage.h"

namespace tributary::generator::scene {

// Becoming known (scenes_joining.cc). The members' file brings over who was a member before; the others sign up on the
// web, at a till, in the app or on LINE, as Character::joining says.
void BringOver(Stage& stage);
void SignUp(Stage& stage);
void LinkLine(Stage& stage);
// The CRM opens a record for who() if there is none yet.
void BecomeKnown(Stage& stage);

// Looking (scenes_digital.cc).
void VisitWebsite(Stage& stage);
void OpenApp(Stage& stage);
// At a tablet of ours that stands in a restaurant or at a front desk.
void UseTablet(Stage& stage);

// Eating (scenes_table.cc).
void EatOut(Stage& stage);
void OrderDelivery(Stage& stage);
// Points for an order of so much; only for who has a card.
void EarnPoints(Stage& stage, const Place& place, const std::string& issuer, const std::string& order_id,
                int64_t satang);
void RecordPayment(Stage& stage, const Place& place, const std::string& issuer, const std::string& order_id,
                   int64_t satang, ev::PaymentRecorded::Status status);

// Staying (scenes_hotel.cc).
void BookStay(Stage& stage);

// Talking (scenes_talk.cc).
void CallUs(Stage& stage);
void ChatOnLine(Stage& stage);
void WriteMail(Stage& stage);
enum class Subject { kTable, kRoom };
// What may come a few hours or days after a visit.
void AskAfterVisit(Stage& stage, Subject subject, std::string_view location, int survey_percent);

// Being written to, and what is allowed (scenes_permission.cc).
void AllowNews(Stage& stage, const Place& place);
void WithdrawNews(Stage& stage);
void StateWishes(Stage& stage);
void GetNewsletter(Stage& stage, int campaign);

}  // namespace tributary::generator::scene
