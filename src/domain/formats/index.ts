/** Every format of written events, by the word after `format:`. `template` is made from its text. */
import type { EventFormat } from '../event.ts';
import { ecs } from './ecs.ts';
import { ocsf } from './ocsf.ts';
import { sshd } from './sshd.ts';

export { createTemplate } from './template.ts';

export const formats: ReadonlyMap<string, EventFormat> = new Map(
  [ocsf, ecs, sshd].map(format => [format.name, format]),
);
