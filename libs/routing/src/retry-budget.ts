/** Retries of one provider may be this part of its calls in flight, and always a few (Envoy's retry budget). */
const retryPart = 0.2;
const minRetries = 3;

/** Keeps retries from multiplying an outage: when every call fails, only a fifth more is sent, not three times as much. */
export class RetryBudget {
  private inFlight = 0;
  private retrying = 0;

  allowsRetry(): boolean {
    return this.retrying < Math.max(minRetries, this.inFlight * retryPart);
  }

  taken(isRetry: boolean): void {
    this.inFlight++;
    if (isRetry) this.retrying++;
  }

  released(isRetry: boolean): void {
    this.inFlight--;
    if (isRetry) this.retrying--;
  }
}
