/** Each kind of incident in its own words: what it is called, what it means, what it does not mean, and what to do first. */
import type { IncidentKind } from './incident.ts';

export interface KindWords {
  /** What a title says while it lasts, before `since …`; `{at}` becomes ` at loki`, or nothing. */
  readonly lasting: string;
  /** What a title says after. */
  readonly over: string;
  readonly means: string;
  readonly isNot: string;
  readonly first: string;
}

/** Those told by what they are; `loss` and `refused` are told by their counts, in incident-loss-words.ts. */
export const KIND_WORDS: Readonly<Record<Exclude<IncidentKind, 'loss' | 'refused'>, KindWords>> = {
  altered: {
    lasting: 'canaries have arrived altered{at}',
    over: 'canaries arrived altered{at}',
    means:
      'Canaries arrive, but with fields changed, cut off or missing, and no declared transformation explains it.',
    isNot:
      'Not loss: the events are there. Searches and rules that read those fields may still miss real ones.',
    first: 'compare the sample with what was sent. Fix the parser, or declare the change under transforms.',
  },
  identity_used: {
    lasting: 'somebody else has used the identity of the canaries{at}',
    over: 'somebody else used the identity of the canaries{at}',
    means:
      'An event bears the identity of the canaries, and we did not send it. Rules that exclude this identity are blind to it.',
    isNot: 'Not loss, and no proof of an attack: a person or a test may have used the account.',
    first: 'find out who or what it was, and from where. Treat it as an attack until you know.',
  },
  forged: {
    lasting: 'forged tokens have turned up{at}',
    over: 'forged tokens turned up{at}',
    means: 'Tokens with our prefix and a wrong signature turn up.',
    isNot: 'Not loss, and in no rate. Anybody can write such a token; nobody can sign one without the key.',
    first:
      'see where they come from. If a signing key was removed lately, list it again: its canaries then verify.',
  },
  blind: {
    lasting: 'we can’t see{at}',
    over: 'we could not see{at}',
    means: 'We can’t see, which is neither loss nor health. Nothing can be said of canaries sent since.',
    isNot: 'Not known to be the pipeline’s fault: what fails is our way to look.',
    first: 'check that the backend answers, that our credentials hold, and that we aren’t throttled.',
  },
  vanished: {
    lasting: 'records that we had seen have been gone{at}',
    over: 'records that we had seen were gone{at}',
    means: 'Canaries that had arrived are no longer found, though the backend should still keep them.',
    isNot:
      'Not loss on the way: they had arrived. Either our look is broken, or records were deleted. No loss is declared there until it is clear.',
    first:
      'search for the sample by hand. If it is gone, find out who deletes, or which retention; if not, mend the query.',
  },
  not_proven: {
    lasting: 'no canary has been seen{at}',
    over: 'no canary was seen{at}',
    means: 'Not one canary has been seen there so far, so we don’t know that our look would show one.',
    isNot:
      'Not proof of loss, and none is declared there. A wrong query, or a path not yet set up, looks the same.',
    first: 'send one canary by hand and follow it, hop by hop.',
  },
  silent: {
    lasting: 'our own emitter has been silent',
    over: 'our own emitter was silent',
    means: 'We miss our own beats: canaries that should be sent are not.',
    isNot:
      'Not the pipeline’s fault, and no news of it: what isn’t sent can’t be missed. Real loss would go unnoticed meanwhile.',
    first: 'check that coalmine runs, that its host isn’t overloaded, and that its database answers.',
  },
  unsent: {
    lasting: 'our canaries have gone unsent',
    over: 'our canaries went unsent',
    means: 'Canaries aren’t sent, or nobody knows whether they were.',
    isNot: 'Not the pipeline’s fault, and in no loss rate. With fewer canaries, loss is found later.',
    first: 'check the way from coalmine to the first hop: address, time-outs, load on our host.',
  },
  drill_seen: {
    lasting: 'withheld canaries have been seen{at}',
    over: 'withheld canaries were seen{at}',
    means:
      'A canary that we registered and did not send was seen. Somebody writes canaries in our name, or we send what we should withhold.',
    isNot: 'Not loss. But “arrived” can’t be trusted until it is explained.',
    first: 'look at the record that was seen, and at who wrote it. Replace the signing keys if it wasn’t us.',
  },
  drill_not_found: {
    lasting: 'the alarm has failed its own test{at}',
    over: 'the alarm failed its own test{at}',
    means:
      'A canary that was withheld on purpose should have been found lost by now, and was not. Real loss would go unnoticed too.',
    isNot: 'Not loss, and not health: don’t trust “healthy” there.',
    first: 'run coalmine doctor, and see when the last look there ended and how.',
  },
  orphans: {
    lasting: 'canaries that we don’t know have arrived{at}',
    over: 'canaries that we don’t know arrived{at}',
    means: 'Canaries with a valid signature arrive that this ledger doesn’t know.',
    isNot: 'Neither loss nor forgery, and in no rate.',
    first: 'look for a second coalmine with the same keys, or for a store that was restored from a backup.',
  },
  echoes: {
    lasting: 'tokens have turned up outside events{at}',
    over: 'tokens turned up outside events{at}',
    means: 'Records quote a canary without being it, such as an error line of a collector.',
    isNot: 'Neither arrival nor loss: they count for nothing.',
    first: 'read the sample. An error line often says why events are missing.',
  },
  duplicates: {
    lasting: 'canaries have arrived more than once{at}',
    over: 'canaries arrived more than once{at}',
    means: 'Canaries arrive more often than they were sent: some hop repeats events.',
    isNot: 'Not loss. Counts and thresholds on real events may be too high.',
    first: 'look for a hop that sends again without telling copies apart.',
  },
  reordering: {
    lasting: 'canaries have arrived out of order{at}',
    over: 'canaries arrived out of order{at}',
    means: 'Canaries arrive in another order than they were sent.',
    isNot: 'Not loss. Readers that follow a cursor on event time may step over what comes late.',
    first: 'check that whoever reads there goes by ingest time, or looks back far enough.',
  },
  skew: {
    lasting: 'clocks have disagreed{at}',
    over: 'clocks disagreed{at}',
    means: 'The clocks of sender, backend and coalmine disagree.',
    isNot: 'Not loss. Delays are less certain than usual.',
    first: 'check time synchronisation on the hosts concerned, ours among them.',
  },
  clock_step: {
    lasting: 'our clock has not been steady',
    over: 'our clock was not steady',
    means:
      'Our own clock jumped. Looks before it were voided, and the deadlines of open canaries start again.',
    isNot: 'Not loss, and not the pipeline’s fault.',
    first: 'check time synchronisation on our host, and whether it was paused.',
  },
  scheduler_lag: {
    lasting: 'we have run late',
    over: 'we ran late',
    means: 'Our own beats and looks fall behind their plan.',
    isNot: 'Not the pipeline’s slowness: ours. Verdicts come later than they should.',
    first: 'check the load on our host and how fast the database answers.',
  },
  false_absence: {
    lasting: 'our looks have missed what is there{at}',
    over: 'our looks missed what was there{at}',
    means: 'Looks did not show canaries that the backend had by its own ingest time.',
    isNot: 'Not loss: our own error. Loss declared there at the same time deserves a second look.',
    first: 'raise settle of the checkpoint to how stale the backend’s answers may be.',
  },
  notices_failing: {
    lasting: 'notices have not been delivered',
    over: 'notices were not delivered',
    means: 'Notices aren’t delivered: whoever relies on that channel hears nothing.',
    isNot: 'No news of the pipelines, good or bad.',
    first: 'run coalmine notify test, and check the channel’s key and address.',
  },
};

/** Said beside every loss. */
export const REAL_EVENTS =
  'Canaries take the way of real events, but none of this was measured on real ones.';
