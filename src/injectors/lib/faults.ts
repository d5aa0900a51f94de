// Whose fault a failed attempt is, and whether anything can have left: read from the error's code alone.
import { rootOf, wordsOf } from '../../adapters/fault.ts';
import type { Outcome } from '../../contracts/injector.ts';

/**
 * Local limits and local configuration, by errno: nothing left this host. `EAI_AGAIN` is here because it is our
 * resolver that didn't answer, `ENETUNREACH` because it is our host that has no route.
 */
const OURS_PASSING = new Set([
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOBUFS',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
]);
const OURS_LASTING = new Set([
  'EACCES',
  'EPERM',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
  'EMSGSIZE',
  'ENOENT',
  'EISDIR',
  'ERR_INVALID_URL',
]);

/** The first hop isn't there, or we couldn't trust it: the event itself can't have left. */
const BEFORE_SENDING = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const CERTIFICATE =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;
/** How Node words it when the other side hangs up on the TLS handshake: there the code alone would say "reset". */
const NO_HANDSHAKE = /before secure TLS connection was established/;
const OURS_WORDS = /^(bad port|unknown scheme)$/;
/** A certificate or key file of ours that OpenSSL can't read. */
const OUR_KEYS = /^ERR_OSSL_/;

/**
 * What a transport's error means for a canary. Only what provably happened before the event's bytes left is
 * `unsent` (our side) or `refused` (the other side); everything else may have been taken. workerd says "Network
 * connection lost." to all of it, so that nothing can be told apart there: `maybe_sent`.
 */
export const faultOutcome = (error: unknown): Outcome => {
  const { code, syscall, message } = rootOf(error);
  const reason = wordsOf(error);
  if (OURS_PASSING.has(code)) return { result: 'unsent', reason, again: true };
  if (OURS_LASTING.has(code) || OUR_KEYS.test(code) || OURS_WORDS.test(message))
    return { result: 'unsent', reason };
  const before =
    BEFORE_SENDING.has(code) || syscall === 'connect' || CERTIFICATE.test(code) || NO_HANDSHAKE.test(message);
  if (before) return { result: 'refused', reason, again: true };
  return { result: 'maybe_sent', reason, again: true };
};
