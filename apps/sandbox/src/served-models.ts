import { type Fault, faultModels, faults } from './faults.js';
import { type ContentModel, contentModels, type SandboxModel } from './models.js';

export interface ServedModel extends ContentModel {
  readonly fault: Fault | undefined;
}

const served: readonly ServedModel[] = [
  ...contentModels.map((model) => ({ ...model, fault: undefined })),
  ...faultModels.map((model, index) => ({ ...model, fault: faults[index] })),
];

const prefix = 'sandbox/';
const byId = new Map(served.map((model) => [model.id, model]));

/** Every model that the sandbox serves, faults included. */
export const sandboxModels: readonly SandboxModel[] = served.map(
  ({ id, description, contextTokens, maxOutputTokens }) => ({
    id,
    description,
    contextTokens,
    maxOutputTokens,
  }),
);

/** By its id, with or without `sandbox/`. */
export function findModel(name: string): ServedModel | undefined {
  return byId.get(name) ?? byId.get(prefix + name);
}
