// Setting types that the injectors share.
import { timeoutOf } from '../../adapters/settings.ts';

/** The longest that one attempt may take. */
export const timeout = timeoutOf('10s').describe(
  'How long one attempt may take before it counts as maybe_sent',
);
