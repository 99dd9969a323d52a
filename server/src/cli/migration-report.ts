import type { MigrationStatus } from '../store/migrate.js';

/** What `hubbub migrate status` prints, a line each. */
export function describeMigrations({ version, migrations, unknown, refusal }: MigrationStatus): string[] {
  const line = (state: string, step: MigrationStatus['unknown'][number]) =>
    `${state}  ${step.version} ${step.name}${step.breaking ? ' (breaking)' : ''}`;
  return [
    ...migrations.map((step) => line(step.applied ? 'applied' : 'pending', step)),
    ...unknown.map((step) => line('newer  ', step)),
    `The schema has version ${version} of ${migrations.length}.`,
    ...(version <= migrations.length
      ? []
      : [refusal ?? 'This Hubbub is older than the schema, and may run beside it.']),
  ];
}
