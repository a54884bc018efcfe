import { chatCompletions, subjectOf } from '#libs/contracts';
import type { AppDefinition } from '#libs/runtime';
import { type TextEnv, textEnv } from './config.js';
import { TextModule } from './text.module.js';

/** The text worker. */
export const textApp: AppDefinition<TextEnv> = {
  name: 'text',
  env: textEnv,
  module: (env) => TextModule.with(env),
  serves: [subjectOf(chatCompletions)],
};
