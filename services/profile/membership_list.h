// The RPC ListMemberships.
#pragma once

#include "profile/lookup.h"
#include "tributary/profile/v1/profile.pb.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

// What a profile said is in its own partition. What others said of it is in theirs: each keeps an index by the opaque
// key of the identifier that was named, identity tells the keys of the profile, and all partitions are asked, one after
// the other, so that neither merges nor retractions have to be told across partitions.
void ListMemberships(const Places& places, const rpc::CallInfo& call, const v1::ListMembershipsRequest& request,
                     absl::Time now, rpc::Reply<v1::ListMembershipsResponse> reply);

}  // namespace tributary::profile
