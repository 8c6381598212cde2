/*
 * One processor on one partition: reading, deciding, appending, committing
 * (PROTOCOL.md, rules 1 to 14).
 *
 * Two deciders run different code. Each may crash between any two steps and
 * may lose its projection with the crash. A batch, once sent, may land at any
 * later time, twice, or never, whether its sender still runs or not. The
 * environment appends facts, among them valid and void batches of one other
 * processor. Every step below is one atomic transition of the search.
 *
 * Offsets count from 1, so that 0 says "none" where the page says -1. A set of
 * facts is a bit mask over offsets.
 *
 * A broken variant is chosen by one -D (README.md lists them); ONLY=n checks
 * claim n alone, so that a variant is seen to fail by the claim it should.
 */

#ifndef DECIDERS
#define DECIDERS 2
#endif
#ifndef LOG
#define LOG 6         /* records in the partition; at most 7 (masks are bytes) */
#endif
#ifndef FACTS
#define FACTS 2       /* records that the environment may append */
#endif
#ifndef BATCHES
#define BATCHES 3     /* batches that may be closed, over all deciders */
#endif
#ifndef CRASHES
#define CRASHES 1     /* crashes, over all deciders */
#endif
#ifndef COMMANDS
#define COMMANDS 1    /* submissions of the one command; a second is the client's retry */
#endif
#ifndef RESENDS
#define RESENDS 1     /* landings of batches that had landed before, over all batches */
#endif
#ifndef OTHERS
#define OTHERS 1      /* 1: the environment appends batches of the other processor too */
#endif
#ifndef TIMERS
#define TIMERS 1      /* 1: a fact that matters arms the timer */
#endif
#ifndef ONLY
#define ONLY 0        /* 0: check all claims */
#endif

#define CLAIM(number, claim) if :: (ONLY == 0 || ONLY == number) -> assert(claim) :: else fi
#define BIT(offset) (1 << (offset))

/* What a record is: a batch of our processor (its number), a plain fact, or a
   batch of the other processor with its `previous`. */
#define FACT 16
#define OTHER 32
#define IS_BATCH(record) ((record) > 0 && (record) < FACT)
#define IS_OTHER(record) ((record) >= OTHER)

/* A batch; number 0 stays empty and stands for "no batch". `decided` is the
   segment's set of facts, not part of the record; the rest is. */
typedef Batch {
  byte incarnation; byte counter; byte author;
  byte previous; byte through;
  byte decided;  /* facts on which Decide was run for this batch */
  byte matters;  /* decisions: these facts led to something, and armed the timer */
  bit command;   /* decision: the command */
  bit fired;     /* decision: the timer */
  bit landed
};

typedef Decider {
  byte incarnation; byte counter;
  /* The projection (rule 11): survives a crash unless it is lost. */
  byte L; byte T; byte other;            /* last valid batch, last fact covered, other chain as of T */
  byte facts;                            /* the facts' table: facts applied */
  byte matters; bit command; bit fired;  /* the decisions' tables */
  /* Memory: gone with a crash. */
  byte position;                         /* next offset to read */
  byte seen; byte seen_other;            /* last fact in the view, other chain as of `position` */
  byte first; byte second;               /* closed segments: sent, not yet read back (rule 7) */
  byte first_offset;                     /* acknowledged offset of `first`, 0 if unknown */
  byte o_decided; byte o_matters; bit o_command; bit o_fired  /* the open segment */
};

byte log[LOG + 1];
byte length;
Batch batch[BATCHES + 1];
byte batches;
Decider d[DECIDERS];
byte incarnations = DECIDERS;
byte facts_left = FACTS;
byte crashes_left = CRASHES;
byte commands_left = COMMANDS;
byte resends_left = RESENDS;
byte other_end;  /* the other processor's last valid batch */

/* Scratch of one transition; never part of the state. */
hidden byte i; hidden byte j; hidden byte k; hidden byte n;
hidden byte r_L; hidden byte r_T; hidden byte r_other; hidden byte r_facts; hidden byte r_matters;
hidden byte r_command; hidden byte r_fired; hidden byte mattered;
hidden byte each_fact_decided_once; hidden byte decided_with_the_chains_view;
hidden byte commands_and_timers_once; hidden byte commit_equals_replay; hidden byte no_fact_forgotten;
hidden byte no_wait_for_a_void_batch;

/* Rule 1: a compare-and-set on `previous`. */
#ifdef NO_CAS
#define VALID(number, chain_end) true
#else
#define VALID(number, chain_end) (batch[number].previous == (chain_end))
#endif

/* A fact is a plain one or a valid batch of the other processor. */
#define IS_FACT(offset, other_chain) \
  (log[offset] == FACT || (IS_OTHER(log[offset]) && log[offset] - OTHER == (other_chain)))

/* ApplyFact for the facts in (from, to], following the other chain. */
inline ApplyFacts(from, to, other_chain, table) {
  j = from + 1;
  do
  :: j <= to ->
     if
     :: IS_FACT(j, other_chain) ->
        table = table | BIT(j);
        if :: IS_OTHER(log[j]) -> other_chain = j :: else fi
     :: else
     fi;
     j++
  :: else -> break
  od
}

/* What a rebuild makes of the log up to an offset, in the r_ variables. */
inline Replay(upto) {
  r_L = 0; r_T = 0; r_other = 0; r_facts = 0; r_matters = 0; r_command = 0; r_fired = 0;
  i = 1;
  do
  :: i <= upto ->
     if
     :: IS_BATCH(log[i]) ->
        k = log[i];
        if
        :: VALID(k, r_L) ->
           ApplyFacts(r_T, batch[k].through, r_other, r_facts);
           r_L = i; r_T = batch[k].through;
           r_matters = r_matters | batch[k].matters;
           r_command = r_command | batch[k].command;
           r_fired = r_fired | batch[k].fired
        :: else
        fi
     :: else
     fi;
     i++
  :: else -> break
  od;
  i = 0; j = 0; k = 0
}

/* Claim 4: a commit leaves what a rebuild leaves at the same L (rules 11, 15). */
inline CheckCommit(me) {
  Replay(d[me].L);
  commit_equals_replay = (d[me].L == r_L && d[me].T == r_T && d[me].other == r_other &&
                          d[me].facts == r_facts && d[me].matters == r_matters &&
                          d[me].command == r_command && d[me].fired == r_fired);
  CLAIM(4, commit_equals_replay)
}

/* Claims 1 to 3, when batch `number` lands: asked only if that makes it valid. */
inline CheckBatch(number) {
  Replay(length);
  if
  :: VALID(number, r_L) ->
     n = 0;
     ApplyFacts(r_T, batch[number].through, r_other, n);  /* n: what it covers (rule 2) */
     each_fact_decided_once = (batch[number].decided == n);
     CLAIM(1, each_fact_decided_once);
     /* Old code (0) finds that a fact matters iff the command came before, new code iff
        not; so `mattered` and the code tell what Decide saw of the command. */
     if
     :: batch[number].author == 0 -> k = batch[number].matters
     :: else -> k = n & ~batch[number].matters
     fi;
     decided_with_the_chains_view =
         ((r_command -> k == n : (batch[number].command || k == 0)) &&
          (!batch[number].fired || (r_matters | batch[number].matters) != 0));
     CLAIM(2, decided_with_the_chains_view);
     commands_and_timers_once = (!(batch[number].command && r_command) && !(batch[number].fired && r_fired));
     CLAIM(3, commands_and_timers_once)
  :: else
  fi;
  k = 0; j = 0; n = 0
}

/* Back to the last commit: what is pending is dropped (rules 9, 13). */
inline DropPending(me) {
  d[me].position = d[me].T + 1;
  d[me].seen = d[me].T; d[me].seen_other = d[me].other;
  d[me].first = 0; d[me].second = 0; d[me].first_offset = 0;
  d[me].o_decided = 0; d[me].o_matters = 0; d[me].o_command = 0; d[me].o_fired = 0
}

/* The view of Decide (rule 6): the projection, the closed segments, the open one. */
#define SEES(me, what) (d[me].what || batch[d[me].first].what || batch[d[me].second].what || d[me].o_##what)

/* Apply the fact at `position` to the open segment and decide it, at once (rule 6). */
inline DecideFact(me) {
  k = d[me].position;
  if :: IS_OTHER(log[k]) -> d[me].seen_other = k :: else fi;
  if
  :: me == 0 -> mattered = SEES(me, command)
  :: else -> mattered = !SEES(me, command)
  fi;
  d[me].seen = k;
#ifdef FACTS_COMMITTED_AHEAD
  /* C1, C2: a fact that led to nothing is committed at once, without a batch. */
  if
  :: !mattered && d[me].first == 0 && d[me].o_decided == 0 && !d[me].o_command && !d[me].o_fired ->
     d[me].facts = d[me].facts | BIT(k); d[me].T = k; d[me].other = d[me].seen_other
  :: else ->
     d[me].o_decided = d[me].o_decided | BIT(k);
     if :: mattered -> d[me].o_matters = d[me].o_matters | BIT(k) :: else fi
  fi;
#else
  d[me].o_decided = d[me].o_decided | BIT(k);
  if :: mattered -> d[me].o_matters = d[me].o_matters | BIT(k) :: else fi;
#endif
  k = 0; mattered = 0;
  d[me].position++
}

inline ApplyDecisions(me, number) {
  d[me].matters = d[me].matters | batch[number].matters;
  d[me].command = d[me].command | batch[number].command;
  d[me].fired = d[me].fired | batch[number].fired
}

/* The first closed segment has become part of the chain at `offset` (rules 8, 11). */
inline CommitOwn(me, offset) {
  n = d[me].first;
  d[me].facts = d[me].facts | batch[n].decided;
#ifdef C10
  d[me].other = d[me].seen_other;  /* as of the read position */
#else
  k = 0;
  ApplyFacts(d[me].T, batch[n].through, d[me].other, k);  /* as of T; k is not used */
#endif
  d[me].L = offset; d[me].T = batch[n].through;
  ApplyDecisions(me, n);
  d[me].first = d[me].second; d[me].second = 0; d[me].first_offset = 0;
  n = 0; k = 0; j = 0;
  CheckCommit(me)
}

/* A valid batch that is not one's own pending one (rule 9). */
inline CommitForeign(me, number) {
  n = number;
  ApplyFacts(d[me].T, batch[n].through, d[me].other, d[me].facts);
#ifdef C10
  d[me].other = d[me].seen_other;
#endif
  d[me].L = d[me].position;
  if :: batch[n].through > d[me].T -> d[me].T = batch[n].through :: else fi;  /* rule 2 */
  ApplyDecisions(me, n);
#ifdef C9
  if
  :: d[me].first == 0 -> d[me].position++  /* nothing appended yet: the overlay is kept */
  :: else -> DropPending(me)
  fi;
#else
  DropPending(me);
#endif
  n = 0; j = 0;
  CheckCommit(me)
}

#ifdef OWN_BY_NAME
#define OWN(me, number) (batch[number].author == me && batch[number].counter == batch[d[me].first].counter)
#else
#define OWN(me, number) \
  (batch[number].incarnation == d[me].incarnation && batch[number].counter == batch[d[me].first].counter)
#endif

inline ReadRecord(me) {
  n = log[d[me].position];
  if
  :: IS_BATCH(n) ->
     if
     :: d[me].position <= d[me].L -> d[me].position++                             /* rule 13 */
     :: d[me].position > d[me].L && VALID(n, d[me].L) ->
        if
        :: d[me].first != 0 && OWN(me, n) -> CommitOwn(me, d[me].position); d[me].position++
        :: else -> CommitForeign(me, n)
        fi
     :: else ->
        /* Void. If it is one's own and still pending, no copy of it can become valid: decide
           anew. (The page does not say so; README.md, "Found".) */
        if
#ifndef VOID_OWN_KEPT
        :: n == d[me].first || n == d[me].second -> DropPending(me)
#endif
        :: else -> d[me].position++
        fi
     fi
  :: !IS_BATCH(n) && IS_FACT(d[me].position, d[me].seen_other) -> DecideFact(me)
  :: else -> d[me].position++  /* a void batch of the other processor */
  fi;
  n = 0
}

/* Rule 14: who decides has seen the end of the log. That it has grown since is covered: the
   decider's steps commute with landings that it has not read. Not so an acknowledgement:
   what it permits, happens before the batch is read. */
#define AT_END(me) (d[me].position == length + 1)
#define OPEN_IS_EMPTY(me) (d[me].o_decided == 0 && !d[me].o_command && !d[me].o_fired)
/* Rule 7: batch k+1 may go as soon as k is acknowledged. */
#define MAY_SEND(me) \
  (batches < BATCHES && ((d[me].first == 0 && AT_END(me)) || (d[me].second == 0 && d[me].first_offset != 0)))

/* Close the open segment; from now on the batch is on its way (rules 3, 5, 7). */
inline Send(me) {
  batches++;
  batch[batches].incarnation = d[me].incarnation; batch[batches].counter = d[me].counter;
  batch[batches].author = me;
  batch[batches].through = d[me].seen;
  batch[batches].decided = d[me].o_decided; batch[batches].matters = d[me].o_matters;
  batch[batches].command = d[me].o_command; batch[batches].fired = d[me].o_fired;
  if
  :: d[me].first == 0 -> batch[batches].previous = d[me].L; d[me].first = batches
  :: else -> batch[batches].previous = d[me].first_offset; d[me].second = batches
  fi;
  d[me].counter++;
  d[me].o_decided = 0; d[me].o_matters = 0; d[me].o_command = 0; d[me].o_fired = 0
}

inline Restart(me) {
  crashes_left--;
  d[me].incarnation = incarnations; incarnations++; d[me].counter = 0;
  DropPending(me)
#ifdef C3
  ; d[me].position = d[me].L + 1
#endif
}

/* Timers live in a decisions' table, so the view holds what pending batches did to them. */
#ifdef TIMERS_OUTSIDE_OVERLAY
#define TIMER_DUE(me) (d[me].matters && !d[me].fired)
#else
#define TIMER_DUE(me) (SEES(me, matters) && !SEES(me, fired))
#endif

proctype Decide(byte me) {
end:
  do
  :: d_step { d[me].position <= length -> ReadRecord(me) }
  :: d_step { commands_left > 0 && AT_END(me) && !SEES(me, command) -> commands_left--; d[me].o_command = 1 }
  :: d_step { TIMERS && AT_END(me) && TIMER_DUE(me) && !d[me].o_fired -> d[me].o_fired = 1 }
  :: d_step { !OPEN_IS_EMPTY(me) && MAY_SEND(me) -> Send(me) }
  :: d_step { crashes_left > 0 -> Restart(me) }
  :: d_step { crashes_left > 0 && d[me].L > 0 ->  /* the projection is lost too */
       d[me].L = 0; d[me].T = 0; d[me].other = 0; d[me].facts = 0;
       d[me].matters = 0; d[me].command = 0; d[me].fired = 0;
       Restart(me) }
  :: d_step {  /* claim 5: who has read all and has nothing pending has covered all */
       AT_END(me) && d[me].first == 0 && OPEN_IS_EMPTY(me) ->
       r_facts = 0; r_other = 0;
       ApplyFacts(0, length, r_other, r_facts);
       no_fact_forgotten = (d[me].facts == r_facts);
       j = 0;
       CLAIM(5, no_fact_forgotten) }
  :: d_step {  /* claim 6: who waits for a batch to come back, waits for one that still can */
       AT_END(me) && d[me].first != 0 && batch[d[me].first].landed && d[me].first_offset == 0 ->
       no_wait_for_a_void_batch = (batch[d[me].first].previous == d[me].L);
       CLAIM(6, no_wait_for_a_void_batch) }
  od
}

#define MAY_LAND(number) (number <= batches && length < LOG && (!batch[number].landed || resends_left > 0))

inline Land(number) {
  CheckBatch(number);
  if :: batch[number].landed -> resends_left-- :: else -> batch[number].landed = 1 fi;
  length++; log[length] = number
}

/* The way of one batch to the log: any delay, never or more than once, the
   acknowledgement lost or not (rule 10). */
proctype Carry(byte number) {
end:
  do
  :: d_step { MAY_LAND(number) -> Land(number) }
  :: d_step {
       MAY_LAND(number) &&
       d[batch[number].author].first == number && d[batch[number].author].first_offset == 0 ->
       Land(number);
#ifdef COMMIT_BEFORE_READBACK
       CommitOwn(batch[number].author, length)
#else
       d[batch[number].author].first_offset = length
#endif
     }
  od
}

proctype Others() {
end:
  do
  :: d_step { facts_left > 0 && length < LOG -> facts_left--; length++; log[length] = FACT }
  :: d_step { OTHERS && facts_left > 0 && length < LOG ->
       facts_left--; length++; log[length] = OTHER + other_end; other_end = length }
  :: d_step { facts_left > 0 && length < LOG && other_end > 0 ->
       facts_left--; length++; log[length] = OTHER }  /* void: its `previous` is stale */
  od
}

init {
  atomic {
    i = 0;
    do
    :: i < DECIDERS -> d[i].incarnation = i; d[i].position = 1; run Decide(i); i++
    :: else -> break
    od;
    i = 1;
    do
    :: i <= BATCHES -> run Carry(i); i++
    :: else -> break
    od;
    run Others();
    i = 0
  }
}
