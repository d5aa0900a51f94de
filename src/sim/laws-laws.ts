/** What a group of laws is. */
import type { SimWorld } from './world.ts';

/** Laws of one thing. State of their own is of one run. */
export interface Laws {
  readonly atStep?: (world: SimWorld) => Promise<readonly string[]>;
  readonly atEnd?: (world: SimWorld) => Promise<readonly string[]>;
}
