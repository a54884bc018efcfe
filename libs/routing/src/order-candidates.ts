import type { Deployment } from '#libs/catalog';

/**
 * Deployments in the order to try them: by priority, and at random by weight where priorities are equal (weighted
 * sampling without replacement: sort by random^(1/weight), Efraimidis and Spirakis 2006).
 */
export function orderCandidates(deployments: readonly Deployment[], random: () => number): readonly Deployment[] {
  if (deployments.length < 2) return deployments;
  return deployments
    .map((deployment) => ({ deployment, rank: random() ** (1 / deployment.weight) }))
    .toSorted((one, other) => one.deployment.priority - other.deployment.priority || other.rank - one.rank)
    .map(({ deployment }) => deployment);
}
