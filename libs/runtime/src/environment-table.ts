/** One environment variable of the gateway; `docs/configuration.md` has the same rows. */
export interface EnvironmentRow {
  readonly name: string;
  /** The apps that read it; a shared ConfigMap may hold all of them. */
  readonly apps: readonly string[];
}

const everyApp = ['ingress', 'text', 'billing', 'sandbox'];
const workers = ['text', 'billing', 'sandbox'];

/** Every `MODAPI_*` variable there is: another one is a typing error and refused at start. */
export const environmentTable: readonly EnvironmentRow[] = [
  { name: 'MODAPI_CONFIG_FILE', apps: everyApp },
  { name: 'MODAPI_CORS_ORIGINS', apps: ['ingress'] },
  { name: 'MODAPI_TRUSTED_PROXIES', apps: ['ingress'] },
  { name: 'MODAPI_DRAIN_SECONDS', apps: everyApp },
  { name: 'MODAPI_HEALTH_HOST', apps: workers },
  { name: 'MODAPI_HEALTH_PORT', apps: workers },
  { name: 'MODAPI_KEY_PEPPER', apps: ['ingress', 'billing'] },
  { name: 'MODAPI_BOOTSTRAP_API_KEY', apps: ['billing'] },
  { name: 'MODAPI_BOOTSTRAP_ADMIN_KEY', apps: ['billing'] },
  { name: 'MODAPI_HOLD_LEASE_SECONDS', apps: ['ingress', 'text', 'billing'] },
  { name: 'MODAPI_HTTP_HOST', apps: ['ingress'] },
  { name: 'MODAPI_HTTP_PORT', apps: ['ingress'] },
  { name: 'MODAPI_HTTP_REUSE_PORT', apps: ['ingress'] },
  { name: 'MODAPI_DATA_DIR', apps: ['standalone'] },
  { name: 'MODAPI_PAUSE_AT', apps: ['text'] },
  { name: 'MODAPI_SANDBOX_CALL_LOG', apps: ['sandbox'] },
  { name: 'MODAPI_SANDBOX_URL', apps: ['ingress', 'text'] },
  { name: 'MODAPI_SANDBOX_HOST', apps: ['sandbox'] },
  { name: 'MODAPI_SANDBOX_PORT', apps: ['sandbox'] },
];
