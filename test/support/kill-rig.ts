import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { checkLedger, type LedgerFinding } from '#apps/billing';
import { descendants, type GatewayProcess, startGateway } from './gateway-process.js';
import { type Books, HeldAccount, type LoggedCall, portsOfWaiting, readBooks, readCallLog } from './kill-rig-books.js';
import { type SeenAnswer, WatchedCall, type WatchedCallOptions } from './kill-rig-call.js';
import { pidOfConnection, signal, TwinProcess } from './kill-rig-processes.js';
import { type KillableServices, startKillableServices } from './kill-rig-services.js';

/** Seconds that a hold lives without renewal: short, so that a test can watch it expire. */
const leaseSeconds = 6;
const scale = { ingress: 2, text: 1, billing: 2 };
const topUpNanos = '50000000000';
type App = keyof typeof scale;

/** A prepaid organization of one cell of the matrix. */
export interface Tenant {
  readonly id: string;
  readonly projectId: string;
  readonly adminKey: string;
  readonly apiKey: string;
}

/** Polls until the value is accepted; shows the last one, or the last error, if it never is. */
export async function until<T>(
  read: () => Promise<T> | T,
  accept: (value: T) => boolean,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (let last: unknown; ; await delay(50)) {
    try {
      const value = await read();
      if (accept(value)) return value;
      last = value;
    } catch (error) {
      last = error; // what is asked may just be dead
    }
    if (performance.now() > deadline) {
      throw last instanceof Error ? last : new Error(`not reached in ${timeoutMs} ms: ${JSON.stringify(last)}`);
    }
  }
}

/** A cluster of processes on private servers, every one of which can be killed at a stage of a call. */
export class KillRig {
  private readonly tenants: { readonly tenant: Tenant; books: Books }[] = [];
  private readonly twins: TwinProcess[] = [];
  private probe: Tenant | undefined;

  private constructor(
    private readonly folder: string,
    readonly services: KillableServices,
    private readonly gateway: GatewayProcess,
  ) {}

  static async start(): Promise<KillRig> {
    const folder = mkdtempSync(join(tmpdir(), 'modapi-kill-matrix-'));
    const services = await startKillableServices(folder);
    const list = Object.entries(scale).map(([app, count]) => `${app}=${count}`);
    const gateway = await startGateway({
      arguments: ['--cluster', '--scale', list.join(',')],
      env: {
        NATS_URL: services.nats.url,
        REDIS_URL: services.redis.url,
        DATABASE_URL: services.postgres.url,
        MODAPI_SANDBOX_CALL_LOG: join(folder, 'calls.jsonl'),
        MODAPI_HOLD_LEASE_SECONDS: String(leaseSeconds),
        MODAPI_DRAIN_SECONDS: '5',
      },
    });
    const rig = new KillRig(folder, services, gateway);
    rig.probe = await rig.tenant('probe');
    return rig;
  }

  async stop(): Promise<void> {
    await Promise.all(this.twins.map((twin) => twin.kill()));
    await this.gateway.stop();
    for (const service of Object.values(this.services)) await service.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What every process of the gateway printed so far. */
  get output(): string {
    return this.gateway.output();
  }

  // Tenants and calls

  async tenant(name: string): Promise<Tenant> {
    const { adminKey: operatorKey } = this.gateway;
    const organization = await this.manage('/organizations', operatorKey, { body: { name, mode: 'prepaid' } });
    const id = organization['id'] as string;
    const { value: adminKey } = organization['admin_api_key'] as { value: string };
    const projects = await this.manage('/organization/projects', adminKey);
    const [project] = projects['data'] as { id: string }[];
    const projectId = project?.id ?? '';
    const key = await this.manage(`/organization/projects/${projectId}/api_keys`, adminKey, { body: { name } });
    const topUp = { amount_nano_usd: topUpNanos, reference: 'first' };
    await this.manage('/organization/billing/top_ups', operatorKey, { body: topUp, organization: id });
    return { id, projectId, adminKey, apiKey: key['value'] as string };
  }

  /** One request of the management API. */
  async manage(
    path: string,
    key: string,
    { body, organization }: { body?: object; organization?: string } = {},
  ): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.gateway.baseUrl}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        ...(organization !== undefined && { 'openai-organization': organization }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  call(tenant: Tenant, model: string, options: Partial<WatchedCallOptions> = {}): WatchedCall {
    return new WatchedCall({ baseUrl: this.gateway.baseUrl, apiKey: tenant.apiKey, model, ...options });
  }

  /** A call that has reached the upstream. */
  async startedCall(tenant: Tenant, model: string, options: Partial<WatchedCallOptions> = {}): Promise<WatchedCall> {
    const before = this.upstreamCalls('started', model);
    const call = this.call(tenant, model, options);
    await this.upstream('started', model, before);
    return call;
  }

  /** As a client that insists: the kernel may have given its connection to a process that is just ending. */
  repeatedCall(tenant: Tenant, model: string, options: Partial<WatchedCallOptions> = {}): Promise<SeenAnswer> {
    return until(
      () => this.call(tenant, model, options).answer,
      ({ status }) => status !== 'broken',
    );
  }

  /** Repeats a call until the gateway is itself again: every process is there, and four calls in turn succeed. */
  async healthy(): Promise<void> {
    const { probe } = this;
    if (!probe) throw new Error('the rig has not started');
    const apps = Object.entries(scale) as [App, number][];
    const calls = [1, 2, 3, 4];
    await until(
      async () => {
        const statuses: SeenAnswer['status'][] = [];
        for (const _ of calls) statuses.push((await this.call(probe, 'sandbox/fast').answer).status);
        return { statuses, processes: apps.map(([app]) => this.pidsOf(app).length) };
      },
      ({ statuses, processes }) =>
        statuses.every((status) => status === 200) && processes.every((count, index) => count === apps[index]?.[1]),
      60_000,
    );
  }

  // Stages

  /** Resolves when the upstream has read, or has answered, `count` calls of the model more than in `before`. */
  async upstream(event: LoggedCall['event'], model: string, before: number, count = 1): Promise<void> {
    await until(
      () => this.upstreamCalls(event, model),
      (seen) => seen >= before + count,
    );
  }

  /** How many calls of a model the upstream has seen so far. */
  upstreamCalls(event: LoggedCall['event'], model: string): number {
    return readCallLog(this.callLog).filter((line) => line.event === event && line.model === model).length;
  }

  /** Resolves when nobody waits in the function: Postgres has given up, or the account was let go. */
  async nobodyWaitsIn(ledgerFunction: 'ledger_authorize' | 'ledger_settle'): Promise<void> {
    await until(
      () => portsOfWaiting(this.services.postgres.url, ledgerFunction),
      (ports) => ports.length === 0,
    );
  }

  holdAccount(tenant: Tenant): Promise<HeldAccount> {
    return HeldAccount.take(this.services.postgres.url, tenant.id);
  }

  /** The billing process whose `ledgerFunction` has come to Postgres and waits there. */
  async billingWaitingIn(ledgerFunction: 'ledger_authorize' | 'ledger_settle'): Promise<number> {
    const { port } = new URL(this.services.postgres.url);
    const [clientPort = 0] = await until(
      () => portsOfWaiting(this.services.postgres.url, ledgerFunction),
      (ports) => ports.length > 0,
    );
    return this.found(pidOfConnection(this.pidsOf('billing'), clientPort, Number(port)), 'billing');
  }

  async ingressOf(call: WatchedCall): Promise<number> {
    const pid = await until(
      () => this.connectedIngress(call),
      (found) => found !== undefined,
    );
    return this.found(pid, 'ingress');
  }

  /** Its caller closes the connection; resolves when ingress knows. */
  async leave(call: WatchedCall): Promise<void> {
    await this.ingressOf(call);
    call.leave();
    await until(
      () => this.connectedIngress(call),
      (found) => found === undefined,
    );
  }

  /** A second text worker. */
  async twinWorker(environment: Record<string, string> = {}): Promise<TwinProcess> {
    const [pid = 0] = this.pidsOf('text');
    const twin = await TwinProcess.start(pid, environment);
    this.twins.push(twin);
    return twin;
  }

  /** Pids of an app's processes that the supervisor keeps. */
  pidsOf(app: App): number[] {
    return descendants(this.gateway.child.pid ?? 0)
      .filter(({ command }) => command.includes(`apps/${app}/src/main.js`))
      .map(({ pid }) => pid);
  }

  /** Resolves when the process is gone. */
  async kill(pid: number): Promise<void> {
    signal(pid, 'SIGKILL');
    await until(
      () => descendants(this.gateway.child.pid ?? 0).some((info) => info.pid === pid),
      (lives) => !lives,
    );
  }

  freeze(pid: number): void {
    signal(pid, 'SIGSTOP');
  }

  thaw(pid: number): void {
    signal(pid, 'SIGCONT');
  }

  // The ledger

  books(tenant: Tenant): Promise<Books> {
    return readBooks(this.services.postgres.url, this.callLog, tenant.id);
  }

  /** Resolves when the books are accepted; they must stay so until `changedBooks` is asked. */
  async booksBecome(tenant: Tenant, accept: (books: Books) => boolean): Promise<Books> {
    const books = await until(() => this.books(tenant), accept, 45_000);
    this.tenants.push({ tenant, books });
    return books;
  }

  /** Books that moved after they had come to rest. */
  async changedBooks(): Promise<{ before: Books; after: Books }[]> {
    const all = await Promise.all(
      this.tenants.map(async ({ tenant, books }) => ({ before: books, after: await this.books(tenant) })),
    );
    return all.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
  }

  /** As `npm run ledger:check` sees it. */
  checkLedger(): Promise<LedgerFinding[]> {
    return checkLedger(this.services.postgres.url, { overdueSeconds: 0 });
  }

  private async connectedIngress(call: WatchedCall): Promise<number | undefined> {
    const { port } = new URL(this.gateway.baseUrl);
    return pidOfConnection(this.pidsOf('ingress'), Number(port), await call.port);
  }

  private get callLog(): string {
    return join(this.folder, 'calls.jsonl');
  }

  private found(pid: number | undefined, app: App): number {
    if (pid === undefined) throw new Error(`no process of ${app} has that connection`);
    return pid;
  }
}
