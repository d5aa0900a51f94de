// One sign-in under way: how far it has come decides what a failure means, and what is planted in its requests.

import type { Answer, Ask } from '../../adapters/exchange.ts';
import type { Context } from '../../contracts/context.ts';
import type { Outcome, Outgoing } from '../../contracts/injector.ts';
import { attempt, refusal } from './http.ts';

/** Where a provider logs something of ours, and in which of its two shapes the identity goes there. */
export interface Plant {
  readonly in: 'user_agent' | 'header' | 'parameter';
  readonly name?: string | undefined;
  readonly as: 'token' | 'uuid';
}

/** Ends an attempt early. */
export class SignInEnded extends Error {
  override readonly name = 'SignInEnded';
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super('reason' in outcome ? outcome.reason : outcome.result);
    this.outcome = outcome;
  }
}

/** The provider's clear no. */
export const refused = (reason: string): SignInEnded => new SignInEnded({ result: 'refused', reason });

/** We can't go on from here. Once the provider has had the credentials, it may have logged a sign-in. */
export const stuck = (signIn: SignIn, reason: string): SignInEnded =>
  new SignInEnded({ result: signIn.stage === 'before' ? 'refused' : 'maybe_sent', reason });

/**
 * - `before`: nothing the provider would log as a sign-in has been sent.
 * - `asking`: the request that signs in is under way: the transport's own verdict holds.
 * - `after`: the provider has had it; whatever fails now, it may have happened.
 */
export type Stage = 'before' | 'asking' | 'after';

/** What a transport's failure means at a stage. */
export const atStage = (outcome: Outcome, stage: Stage, stopped: boolean): Outcome => {
  if (stage === 'asking' || outcome.result === 'accepted') return outcome;
  const { reason } = outcome;
  if (stage === 'after') return { result: 'maybe_sent', reason: `after signing in: ${reason}`, again: true };
  if (outcome.result !== 'maybe_sent') return outcome;
  return { result: stopped ? 'unsent' : 'refused', reason: `before signing in: ${reason}`, again: true };
};

const identity = (canary: Outgoing, plant: Plant): string =>
  plant.as === 'uuid' ? canary.uuid : canary.token;
const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '');

export interface SignIn {
  readonly canary: Outgoing;
  stage: Stage;
  /** Parameters to plant, for the authorization and the token request. */
  readonly planted: Readonly<Record<string, string>>;
  /** One exchange with the provider, with what is planted in headers. Throws `SignInEnded` where no answer came. */
  send(ask: Ask): Promise<Answer>;
}

const ANSWER_BYTES_MAX = 524_288;

export const beginSignIn = (
  ctx: Context,
  canary: Outgoing,
  given: { readonly plants: readonly Plant[]; readonly timeoutMs: number; readonly signal: AbortSignal },
): SignIn => {
  const of = (where: Plant['in']) => given.plants.filter(p => p.in === where);
  const pairs = (where: Plant['in']) =>
    Object.fromEntries(of(where).map(p => [p.name ?? '', identity(canary, p)] as const));
  const agent = [canary.input.userAgent, ...of('user_agent').map(p => identity(canary, p))].join(' ');
  const headers = { ...pairs('header'), 'user-agent': printable(agent).trim() };
  const signIn: SignIn = {
    canary,
    stage: 'before',
    planted: pairs('parameter'),
    async send(ask) {
      const bounds = { timeoutMs: given.timeoutMs, bodyBytesMax: ANSWER_BYTES_MAX, signal: given.signal };
      const got = await attempt(ctx, { ...ask, headers: { ...headers, ...ask.headers } }, bounds);
      if ('answer' in got) return got.answer;
      throw new SignInEnded(atStage(got.outcome, signIn.stage, given.signal.aborted));
    },
  };
  return signIn;
};

/** Ends the attempt because of an answer that isn't a yes. */
export const notYes = (ctx: Context, signIn: SignIn, answer: Answer): SignInEnded =>
  new SignInEnded(
    atStage(refusal(answer, ctx.clock.now()), signIn.stage === 'before' ? 'before' : 'asking', false),
  );
