/** One environment variable of the gateway; `docs/configuration.md` has the same rows. */
export interface EnvironmentRow {
  readonly name: string;
  /** The apps that read it; a shared ConfigMap may hold all of them. */
  readonly apps: readonly string[];
}

const modalityApps = ['text', 'embedding', 'audio', 'image'];
const everyApp = ['ingress', ...modalityApps, 'billing', 'sandbox'];
const workers = [...modalityApps, 'billing', 'sandbox'];

/** Every `MODAPI_*` variable there is: another one is a typing error and refused at start. */
export const environmentTable: readonly EnvironmentRow[] = [
  { name: 'MODAPI_CONFIG_FILE', apps: everyApp },
  { name: 'MODAPI_CORS_ORIGINS', apps: ['ingress'] },
  { name: 'MODAPI_TRUSTED_PROXIES', apps: ['ingress'] },
  { name: 'MODAPI_PUBLIC_URL', apps: ['ingress'] },
  { name: 'MODAPI_DRAIN_SECONDS', apps: everyApp },
  { name: 'MODAPI_EGRESS_ALLOWED_ADDRESSES', apps: ['ingress', ...modalityApps] },
  { name: 'MODAPI_HEALTH_HOST', apps: workers },
  { name: 'MODAPI_HEALTH_PORT', apps: workers },
  { name: 'MODAPI_KEY_PEPPER', apps: ['ingress', 'billing'] },
  { name: 'MODAPI_BOOTSTRAP_API_KEY', apps: ['billing'] },
  { name: 'MODAPI_BOOTSTRAP_ADMIN_KEY', apps: ['billing'] },
  { name: 'MODAPI_MEDIA_SECRET', apps: ['ingress', 'image'] },
  { name: 'MODAPI_UPLOAD_DIR', apps: ['ingress'] },
  { name: 'MODAPI_UPLOAD_SPACE_MB', apps: ['ingress'] },
  { name: 'MODAPI_HOLD_LEASE_SECONDS', apps: ['ingress', ...modalityApps, 'billing'] },
  { name: 'MODAPI_HTTP_HOST', apps: ['ingress'] },
  { name: 'MODAPI_HTTP_PORT', apps: ['ingress'] },
  { name: 'MODAPI_HTTP_REUSE_PORT', apps: ['ingress'] },
  { name: 'MODAPI_DATA_DIR', apps: ['standalone'] },
  { name: 'MODAPI_PAUSE_AT', apps: modalityApps },
  { name: 'MODAPI_SANDBOX_CALL_LOG', apps: ['sandbox'] },
  { name: 'MODAPI_SANDBOX_URL', apps: ['ingress', ...modalityApps] },
  { name: 'MODAPI_SANDBOX_HOST', apps: ['sandbox'] },
  { name: 'MODAPI_SANDBOX_PORT', apps: ['sandbox'] },
];
