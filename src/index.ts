/** The library: write an adapter of your own, or read a configuration as coalmine does. */
export type { Config, PipelineConfig } from './config/config.ts';
export { parseConfig } from './config/load.ts';
export type { Clock, Context, Log } from './contracts/context.ts';
export { defineInjector, defineObserver } from './contracts/define.ts';
export { type Definition, SettingsError } from './contracts/definition.ts';
export type { Injector, InjectorDefinition, Outcome, Outgoing } from './contracts/injector.ts';
export type { Found, Look, Observer, ObserverDefinition, SeenRecord } from './contracts/observer.ts';
export type { Registry } from './contracts/registry.ts';
export type { EventFormat, EventInput, WrittenEvent } from './domain/event.ts';
