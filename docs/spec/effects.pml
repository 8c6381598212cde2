/*
 * Effects and replies (PROTOCOL.md, rules 12 and 21).
 *
 * One requested effect and one client request, on a log that arbitrates by
 * compare-and-set as in task.pml (rules 1, 8, 9). Two deciders may claim the
 * effect, call, record the outcome, give up a claim whose incarnation is gone
 * (or is thought to be), answer the request; each may crash between any two
 * steps and lose its projection. What a rejection depends on is a fact that
 * lands at any time.
 *
 * KEYED: the channel takes an idempotency key, so a claim without an outcome
 * is claimed again; else it becomes unknown and is never repeated.
 */

#ifndef LOG
#define LOG 6
#endif
#ifndef BATCHES
#define BATCHES 5
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef KEYED
#define KEYED 0
#endif
#ifndef EFFECTS
#define EFFECTS 1   /* 1: with the effect */
#endif
#ifndef REQUESTS
#define REQUESTS 1  /* 1: with the request */
#endif
#ifndef ONLY
#define ONLY 0
#endif

#define CLAIM(number, claim) if :: (ONLY == 0 || ONLY == number) -> assert(claim) :: else fi

#define FACT 16
#define IS_BATCH(record) ((record) > 0 && (record) < FACT)

/* What a batch decides; one decision each. */
#define CLAIMED 1
#define DONE 2
#define UNKNOWN 3
#define REJECTED 4
#define ACCEPTED 5

/* `incarnation` names the batch's writer, and in a claim the claimant. */
typedef Batch { byte what; byte incarnation; byte author; byte previous; bit landed };

typedef Decider {
  byte incarnation;
  /* The projection. */
  byte L; byte state; byte claim; byte reply;  /* `claim`: the batch that holds the last one */
  /* Memory. */
  byte position; bit fact; byte pending;
  bit call; bit called  /* may call; has called, the outcome is not recorded yet */
};

byte log[LOG + 1];
byte length;
Batch batch[BATCHES + 1];
byte batches;
Decider d[2];
byte incarnations = 2;
byte crashes_left = CRASHES;

/* What the outside saw. */
byte calls;                 /* in all, up to 3 */
bit claim_used[BATCHES + 1];
byte answer;                /* the first reply that the client got */

hidden byte n; hidden byte i; hidden byte k;
hidden byte one_call_per_claim; hidden byte only_the_claimant_calls; hidden byte never_repeated_without_key;
hidden byte one_answer; hidden byte claim_is_valid;

/* An effect is open for a claim: requested, or claimed by one that is gone (keyed channels). */
#define MAY_CLAIM(me) \
  (d[me].state == 0 || (KEYED && d[me].state == CLAIMED && batch[d[me].claim].incarnation != d[me].incarnation))

inline Answer(value) {
  one_answer = (answer == 0 || answer == value);
  if :: answer == 0 -> answer = value :: else fi;
  CLAIM(4, one_answer)
}

/* Rule 12 and 21: what a commit releases. */
inline Commit(me, number) {
  d[me].L = d[me].position;
  if
  :: batch[number].what == REJECTED || batch[number].what == ACCEPTED ->
     d[me].reply = batch[number].what;
     if :: d[me].pending == number -> Answer(d[me].reply) :: else fi
  :: batch[number].what == CLAIMED ->
     d[me].state = CLAIMED; d[me].claim = number;
#ifdef C7
     /* The claim names the instance: "mine", whichever of my incarnations wrote it. */
     if :: batch[number].author == me -> d[me].call = 1 :: else -> d[me].call = 0 fi
#else
     if :: batch[number].incarnation == d[me].incarnation -> d[me].call = 1 :: else -> d[me].call = 0 fi
#endif
  :: else -> d[me].state = batch[number].what; d[me].call = 0; d[me].called = 0
  fi;
  d[me].pending = 0
}

inline ReadRecord(me) {
  n = log[d[me].position];
  if
  :: !IS_BATCH(n) -> d[me].fact = 1
  :: IS_BATCH(n) && d[me].position > d[me].L && batch[n].previous == d[me].L -> Commit(me, n)
  :: else -> if :: n == d[me].pending && d[me].position > d[me].L -> d[me].pending = 0 :: else fi
  fi;
  n = 0;
  d[me].position++
}

inline Append(me, decision) {
  batches++;
  batch[batches].what = decision; batch[batches].incarnation = d[me].incarnation;
  batch[batches].author = me; batch[batches].previous = d[me].L;
  d[me].pending = batches
}

#define MAY_APPEND(me) (d[me].position == length + 1 && d[me].pending == 0 && batches < BATCHES)

inline Call(me, number) {
  one_call_per_claim = !claim_used[number];
  only_the_claimant_calls = (batch[number].incarnation == d[me].incarnation);
  /* The claim is in the chain: fold the log. */
  i = 1; k = 0; claim_is_valid = 0;
  do
  :: i <= length ->
     if
     :: IS_BATCH(log[i]) ->
        if
        :: batch[log[i]].previous == k -> k = i; claim_is_valid = (claim_is_valid || log[i] == number)
        :: else
        fi
     :: else
     fi;
     i++
  :: else -> break
  od;
  only_the_claimant_calls = (only_the_claimant_calls && claim_is_valid);
  i = 0; k = 0;
  claim_used[number] = 1; calls = (calls < 3 -> calls + 1 : calls);
  never_repeated_without_key = (KEYED || calls == 1);
  d[me].call = 0; d[me].called = 1;
  CLAIM(1, one_call_per_claim);
  CLAIM(2, only_the_claimant_calls);
  CLAIM(3, never_repeated_without_key)
}

inline Restart(me) {
  crashes_left--;
  d[me].incarnation = incarnations; incarnations++;
  d[me].position = 1;  /* facts are few: read again; batches up to L are skipped */
  d[me].fact = 0; d[me].pending = 0; d[me].call = 0; d[me].called = 0
}

proctype Decide(byte me) {
end:
  do
  :: d_step { d[me].position <= length -> ReadRecord(me) }
  /* The effect. */
  :: d_step { EFFECTS && MAY_APPEND(me) && MAY_CLAIM(me) && !d[me].called ->
       Append(me, CLAIMED)
#ifdef EARLY_CALL
       ; d[me].call = 0; Call(me, batches)
#endif
     }
  :: d_step { d[me].call -> Call(me, d[me].claim) }
  :: d_step { MAY_APPEND(me) && d[me].called && d[me].state == CLAIMED -> Append(me, DONE) }
  :: d_step { MAY_APPEND(me) && !KEYED && d[me].state == CLAIMED &&
       batch[d[me].claim].incarnation != d[me].incarnation -> Append(me, UNKNOWN) }
  /* The request, or its retry: decided by the fact, which may be there or not. */
  :: d_step { REQUESTS && MAY_APPEND(me) && d[me].reply == 0 && d[me].fact ->
       Append(me, ACCEPTED)
#ifdef EARLY_REPLY
       ; Answer(ACCEPTED)
#endif
     }
  :: d_step { REQUESTS && MAY_APPEND(me) && d[me].reply == 0 && !d[me].fact ->
#ifdef C8
       Answer(REJECTED)  /* without a batch */
#else
       Append(me, REJECTED)
#ifdef EARLY_REPLY
       ; Answer(REJECTED)
#endif
#endif
     }
  :: d_step { d[me].reply != 0 -> Answer(d[me].reply) }  /* a retry is told what was recorded */
  :: d_step { crashes_left > 0 -> Restart(me) }
  :: d_step { crashes_left > 0 && d[me].L > 0 ->
       d[me].L = 0; d[me].state = 0; d[me].claim = 0; d[me].reply = 0; Restart(me) }
  od
}

proctype Carry(byte number) {
end:
  do
  :: d_step { number <= batches && !batch[number].landed && length < LOG ->
       batch[number].landed = 1; length++; log[length] = number }
  od
}

init {
  atomic {
    d[0].position = 1; d[1].position = 1; d[1].incarnation = 1;
    run Decide(0); run Decide(1);
    i = 1;
    do
    :: i <= BATCHES -> run Carry(i); i++
    :: else -> break
    od;
    i = 0
  };
end:
  d_step { REQUESTS && length < LOG -> length++; log[length] = FACT }
}
