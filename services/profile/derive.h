// Keeps the caches up to date with the entries that one record changed.
#pragma once

#include "tributary/projection/table.h"

namespace tributary::profile {

// Order rows, traits, the indices and the summary of every profile whose entries changed. Costs what the changes cost:
// an order's other statements are read only when a return of it changed or a statement went, the ends of a journey only
// when the first or last entry went, all orders only when the first or last order went or moved inward, all stays when
// one changed.
void DeriveCaches(const projection::Changes& changes, const projection::View& view,
                  projection::Writer<projection::Kind::kCaches>& out);

}  // namespace tributary::profile
