import type { Fault } from '../faults.js';
import { findModel } from '../served-models.js';

/** A model that turns texts into vectors, or compares them. `docs/sandbox.md` lists them. */
export interface VectorModel {
  readonly id: string;
  readonly dimensions: number;
  readonly serves: 'embeddings' | 'rerank';
}

/** One entry each. */
export const vectorModels: readonly VectorModel[] = [
  { id: 'sandbox/embedding', dimensions: 1536, serves: 'embeddings' },
  { id: 'sandbox/embedding-large', dimensions: 3072, serves: 'embeddings' },
  { id: 'sandbox/embedding-small', dimensions: 384, serves: 'embeddings' },
  { id: 'sandbox/rerank', dimensions: 1536, serves: 'rerank' },
];

const prefix = 'sandbox/';
const byId = new Map(vectorModels.map((model) => [model.id, model]));

/** By its id, with or without `sandbox/`. */
function findVectorModel(name: string): VectorModel | undefined {
  return byId.get(name) ?? byId.get(prefix + name);
}

/** What answers a call: a vector model, or a fault, which answers like `sandbox/embedding` until it goes wrong. */
export interface VectorService {
  readonly id: string;
  readonly fault: Fault | undefined;
  readonly dimensions: number;
}

export function findVectorService(name: string, endpoint: VectorModel['serves']): VectorService | undefined {
  const fault = findModel(name)?.fault;
  if (fault) return { id: fault.id, fault, dimensions: 1536 };
  const model = findVectorModel(name);
  if (model?.serves !== endpoint) return undefined;
  return { id: model.id, fault: undefined, dimensions: model.dimensions };
}
