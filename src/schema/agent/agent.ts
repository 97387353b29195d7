import { type AgentKind, createAgent, updateAgent } from '../../accounts/agents-and-skills.ts';
import { BOUNDS } from '../../domain/bounds.ts';
import {
  ConflictError,
  ForbiddenError,
  InvalidInputError,
  NotFoundError,
  TakenError,
} from '../../domain/errors.ts';
import { builder } from '../core/builder.ts';
import type { Context } from '../core/context.ts';
import { enumOf } from '../core/enums.ts';
import { callOf, onceArgs } from '../core/idempotency-key.ts';
import { decodeId } from '../core/ids.ts';
import { Agent } from '../core/named.ts';
import { MAX_NAME, readName, readText } from '../core/text.ts';

const AgentKindEnum = enumOf<AgentKind>(
  'AgentKind',
  'Whether an agent is a person or a bot, which decides how messages count (SF-13, PE-5).',
  {
    HUMAN: 'A person.',
    BOT: "A program; its messages count as an agent's only if the policy says so (PE-5).",
  },
);
const NAME = `1 to ${MAX_NAME} characters, unique among the account's agents.`;
const ONLINE = 'Whether the agent is online. An agent who is offline gets no reopened conversations (SP-7).';
const CAPACITY =
  'How many open conversations the agent can have, not counting INACTIVE ones; null: any number (SP-7, SF-12).';
const SUBJECT = "The agent's id at the identity provider: the subject of a JWT. Unique in the account.";
const MAX_SUBJECT = BOUNDS.subject.max;

builder.objectFields(Agent, (t) => ({
  kind: t.field({
    type: AgentKindEnum,
    description: 'Whether the agent is a person or a bot.',
    resolve: (agent) => agent.kind,
  }),
  online: t.exposeBoolean('online', { description: ONLINE }),
  capacity: t.exposeInt('capacity', { nullable: true, description: CAPACITY }),
  subject: t.exposeString('subject', { nullable: true, description: `${SUBJECT} Null: none.` }),
}));

const CreateAgentInput = builder.inputType('CreateAgentInput', {
  description: 'The fields of a new agent.',
  fields: (t) => ({
    name: t.string({ required: true, description: NAME }),
    kind: t.field({
      type: AgentKindEnum,
      required: true,
      defaultValue: 'HUMAN',
      description: 'Whether the agent is a person or a bot.',
    }),
    online: t.boolean({ required: true, defaultValue: true, description: ONLINE }),
    capacity: t.int({ description: CAPACITY }),
    subject: t.string({ description: SUBJECT }),
  }),
});
const UpdateAgentInput = builder.inputType('UpdateAgentInput', {
  description: 'Changes of an agent. Fields that are left out stay.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'The agent to change.' }),
    name: t.string({ description: NAME }),
    online: t.boolean({ description: ONLINE }),
    capacity: t.int({ description: CAPACITY }),
    subject: t.string({ description: `${SUBJECT} Null: none.` }),
  }),
});

builder.mutationField('createAgent', (t) =>
  t.field({
    type: Agent,
    description: 'Creates an agent. Needs the scope `accounts:write`.',
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({
        type: CreateAgentInput,
        required: true,
        description: 'The name, kind, capacity and presence of the new agent.',
      }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'CreateAgentResult',
        description: 'The created agent, or the error; nothing was created then.',
      },
    },
    async resolve(_root, { input, idempotencyKey }, context) {
      const agent = {
        name: readName(input.name),
        kind: input.kind,
        online: input.online,
        capacity: input.capacity ?? null,
        subject: readSubject(input.subject) ?? null,
      };
      const call = callOf({ idempotencyKey }, 'createAgent', agent);
      return await found(context, await createAgent(context.deps, context.accountId, agent, call));
    },
  }),
);

builder.mutationField('updateAgent', (t) =>
  t.field({
    type: Agent,
    description: "Changes an agent's presence, capacity, name or subject. Needs the scope `accounts:write`.",
    authScopes: { scope: 'accounts:write' },
    args: {
      input: t.arg({ type: UpdateAgentInput, required: true, description: 'The changes.' }),
      ...onceArgs(),
    },
    errors: {
      types: [InvalidInputError, NotFoundError, TakenError, ConflictError, ForbiddenError],
      union: {
        name: 'UpdateAgentResult',
        description: 'The changed agent, or the error; nothing was changed then.',
      },
    },
    async resolve(_root, { input, idempotencyKey }, context) {
      const agentId = decodeId('Agent', input.agentId, 'agentId');
      const changes = {
        name: input.name === null || input.name === undefined ? undefined : readName(input.name),
        online: input.online ?? undefined,
        capacity: input.capacity,
        subject: readSubject(input.subject),
      };
      const call = callOf({ idempotencyKey }, 'updateAgent', { agentId, ...changes });
      return await found(
        context,
        await updateAgent(context.deps, context.accountId, { agentId, ...changes }, call),
      );
    },
  }),
);

function readSubject(subject: string | null | undefined): string | null | undefined {
  return subject ? readText(subject, 'subject', MAX_SUBJECT) : subject;
}

async function found({ load }: Context, { id }: { id: string }) {
  const agent = await load.agent(id);
  if (agent === null) throw new NotFoundError('agentId', 'agent');
  return agent;
}
