// When somebody comes, and for what: habits, seasons, weekdays and hours of the day.
#pragma once

#include "stage.h"

namespace tributary::generator {

// Puts on the stage's agenda all that `who` will do by habit. stage.Enter(who) must have been called.
void Plan(Stage& stage, const HistoryOptions& options);

}  // namespace tributary::generator
