import type { ServedModel } from '../served-models.js';
import type { HttpCall } from './http-call.js';

/** Refuses where a model is made to, and counts its calls for that. */
export class Refusals {
  private readonly callNumbers = new Map<string, number>();

  refuseIfAsked(model: Pick<ServedModel, 'id' | 'fault'>, call: HttpCall): void {
    if (model.fault?.refuse === undefined) return;
    const callNumber = (this.callNumbers.get(model.id) ?? 0) + 1;
    this.callNumbers.set(model.id, callNumber);
    const inHeader = call.header('x-sandbox-retry-after');
    const retryAfter = call.url.searchParams.get('retry_after') ?? inHeader ?? undefined;
    const error = model.fault.refuse({ callNumber, retryAfter });
    if (error !== undefined) throw error;
  }
}
