/** Where the gateway under test listens. */
export interface Target {
  baseUrl: string;
  apiKey: string;
}

export const question = [{ role: 'user' as const, content: 'Explain AI gateways in one paragraph.' }];
