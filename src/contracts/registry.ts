import type { InjectorDefinition } from './injector.ts';
import type { NotifierDefinition } from './notifier.ts';
import type { ObserverDefinition } from './observer.ts';

/** Every adapter kind there is. Generated from the folders; the library can add to it. */
export interface Registry {
  readonly injectors: ReadonlyMap<string, InjectorDefinition>;
  readonly observers: ReadonlyMap<string, ObserverDefinition>;
  readonly notifiers: ReadonlyMap<string, NotifierDefinition>;
}
