/** Why a process cannot start: for the operator, so one clear line per problem and no stack. */
export class StartError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'StartError';
  }
}
