/*
 * Relaying (PROTOCOL.md, rules 16 to 20).
 *
 * The chain of one origin grows by valid batches, written by either of two
 * deciders; a batch has one output towards our target, or none. Both deciders
 * may relay. A producer session carries records in order but may lose or
 * repeat any of them and may be late by any time, even when its sender has
 * long opened another one. The target applies by predecessor.
 *
 * An origin is the offset of its batch, from 1; 0 says "none".
 */

#ifndef CHAIN
#define CHAIN 3     /* valid batches */
#endif
#ifndef SESSIONS
#define SESSIONS 3  /* producer sessions, over both deciders */
#endif
#ifndef ONLY
#define ONLY 0      /* 0: check all claims */
#endif

#define CLAIM(number, claim) if :: (ONLY == 0 || ONLY == number) -> assert(claim) :: else fi
#define BIT(offset) (1 << (offset))

typedef Output { bit here; bit writer; byte predecessor; byte relayed };
Output chain[CHAIN + 1];
byte length;     /* valid batches so far */
byte last;       /* last output decided towards the target (rule 16) */

typedef Relay {
  byte session;  /* the current one */
  byte position; /* all up to here is acknowledged, unbroken, in one session (rule 19) */
  byte sent;     /* last batch that this session has gone through */
  byte acked;    /* outputs acknowledged in this session, as a set */
  byte stored;   /* `position` as of the last commit: survives a crash */
#ifdef C6
  byte predecessor;  /* what the next record names: kept in memory, after a restart the chain's end */
#endif
};
Relay relay[2];

/* Records in flight, in the order of their session: origin, predecessor. */
chan net[SESSIONS] = [CHAIN] of { byte, byte };
bit sender[SESSIONS];
bit broken[SESSIONS];  /* it lost a record, or its sender left it */
byte sessions = 2;

byte applied;  /* the target: the last origin applied */

hidden byte o; hidden byte p; hidden byte i;
hidden byte applied_in_order_without_hole; hidden byte position_not_beyond_the_target;
hidden byte reader_never_halts; hidden byte whole_session_delivers_all;

/* Rule 17: whoever wrote it. */
#ifdef C4
#define SENDS(me, offset) (chain[offset].here && chain[offset].writer == me)
#else
#define SENDS(me, offset) (chain[offset].here)
#endif

/* The end of the unbroken run of acknowledgements from `position` on (rule 19). */
inline Advance(me) {
  i = relay[me].position + 1;
  do
  :: i <= relay[me].sent && (!SENDS(me, i) || (relay[me].acked & BIT(i))) ->
     relay[me].position = i; i++
  :: else -> break
  od;
  i = 0;
#ifdef POSITION_HIGHEST_ACK
  i = relay[me].sent;
  do
  :: i > relay[me].position && !(relay[me].acked & BIT(i)) -> i--
  :: else -> break
  od;
  relay[me].position = i; i = 0;
#endif
  /* Claim 2: what the relay will not send again, has arrived. */
  i = relay[me].position;
  do
  :: i > 0 && !chain[i].here -> i--
  :: else -> break
  od;
  position_not_beyond_the_target = (applied >= i);
  i = 0;
  CLAIM(2, position_not_beyond_the_target)
}

inline OpenSession(me) {
  broken[relay[me].session] = 1;
  relay[me].session = sessions; sender[sessions] = me; sessions++;
  relay[me].sent = relay[me].position; relay[me].acked = 0
}

/* The target reads a record (rule 18). */
inline Apply(origin, before) {
#ifdef HIGH_WATER_MARK
  if
  :: origin > applied ->
#else
  if
  :: before == applied && origin > applied ->
#endif
     applied_in_order_without_hole = (chain[origin].predecessor == applied);
     applied = origin;
     CLAIM(1, applied_in_order_without_hole)
  :: else ->
     reader_never_halts = !(origin > applied && before < applied);
     CLAIM(3, reader_never_halts)
  fi
}

/* The acknowledgement arrives; those of older sessions are ignored (rule 19). */
inline Acknowledge(session, origin) {
#ifdef LATE_ACK
  if
  :: origin <= relay[sender[session]].sent ->
#else
  if
  :: relay[sender[session]].session == session ->
#endif
     relay[sender[session]].acked = relay[sender[session]].acked | BIT(origin);
     Advance(sender[session])
  :: else
  fi
}

proctype Origin(byte me) {
end:
  do
  :: d_step { length < CHAIN ->  /* a valid batch with an output; with it, a commit */
       length++; chain[length].here = 1; chain[length].writer = me;
       chain[length].predecessor = last; last = length;
       chain[length].relayed = relay[me].position; relay[me].stored = relay[me].position }
  :: d_step { length < CHAIN ->  /* ... and one without */
       length++; chain[length].writer = me; chain[length].predecessor = last;
       chain[length].relayed = relay[me].position; relay[me].stored = relay[me].position }
  :: d_step { relay[me].sent < length && nfull(net[relay[me].session]) ->
       o = relay[me].sent + 1;
       relay[me].sent = o;
       if
       :: SENDS(me, o) ->
#ifdef C6
          net[relay[me].session]!o, relay[me].predecessor;
          relay[me].predecessor = o
#else
          net[relay[me].session]!o, chain[o].predecessor
#endif
       :: else
       fi;
       Advance(me);
       o = 0 }
  :: d_step { sessions < SESSIONS ->                    /* a failure of the producer */
       OpenSession(me)
#ifdef C6
       ; relay[me].predecessor = (chain[relay[me].position].here -> relay[me].position :
                                  chain[relay[me].position].predecessor)
#endif
     }
  :: d_step { sessions < SESSIONS ->                    /* crash and restart */
       relay[me].position = relay[me].stored;
#ifdef C6
       relay[me].predecessor = last;
#endif
       OpenSession(me) }
  :: d_step { sessions < SESSIONS && length > 0 ->      /* the same with a lost projection */
       relay[me].position = chain[length].relayed; relay[me].stored = chain[length].relayed;
#ifdef C6
       relay[me].predecessor = last;
#endif
       OpenSession(me) }
  :: d_step {  /* claim 4: a session that lost nothing and has sent all, has filled every hole */
       relay[me].sent == length && !broken[relay[me].session] && empty(net[relay[me].session]) ->
       whole_session_delivers_all = (applied == last);
       CLAIM(4, whole_session_delivers_all) }
  od
}

/* What happens to the record at the head of a session. */
proctype Carry(byte session) {
end:
  do
  :: d_step { net[session]?o, p -> Apply(o, p); Acknowledge(session, o) }
  :: d_step { net[session]?o, p -> Apply(o, p) }           /* the acknowledgement is lost */
  :: d_step { net[session]?<o, p> -> Apply(o, p) }         /* it will arrive again */
  :: d_step { net[session]?o, p -> broken[session] = 1 }   /* it is lost */
#ifdef REORDERED_SESSION
  :: d_step { len(net[session]) > 1 -> net[session]?o, p; net[session]!o, p }
#endif
  od
}

init {
  atomic {
    relay[0].session = 0; relay[1].session = 1; sender[1] = 1;
    run Origin(0); run Origin(1);
    i = 0;
    do
    :: i < SESSIONS -> run Carry(i); i++
    :: else -> break
    od;
    i = 0
  }
}
