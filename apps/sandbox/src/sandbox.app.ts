import type { AppDefinition } from '#libs/runtime';
import { sandboxEnvironment, type SandboxEnvironment } from './config.js';
import { SandboxModule } from './sandbox.module.js';

/** The model server as an app of the cluster: plain HTTP, no bus. */
export const sandboxApp: AppDefinition<SandboxEnvironment> = {
  name: 'sandbox',
  env: sandboxEnvironment,
  usesBus: false,
  module: (env) => SandboxModule.with(env),
};
