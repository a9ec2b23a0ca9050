import { createGroq } from '@ai-sdk/groq';
import { createOpenRouter } from '@openrouter/ai-sdk-provider';
import { generateText } from 'ai';

interface Env {
  AI: { run(model: string, input: unknown): Promise<unknown> };
  OPENROUTER_API_KEY: string;
  GROQ_API_KEY: string;
}

const OPENROUTER_MODELS = ['meta-llama/llama-3.1-8b-instruct:free', 'google/gemma-2-9b-it:free'];

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { prompt, where } = (await request.json()) as { prompt: string; where: string };
    if (where === 'edge') {
      const answer = await env.AI.run('@cf/meta/llama-3.1-8b-instruct', { prompt });
      return Response.json(answer, { headers: { 'content-type': 'application/json' } });
    }
    if (where === 'groq') {
      const groq = createGroq({ apiKey: env.GROQ_API_KEY });
      const { text } = await generateText({ model: groq('moonshotai/kimi-k2-instruct'), prompt });
      return new Response(text, { headers: { 'content-type': 'text/plain' } });
    }
    const openrouter = createOpenRouter({ apiKey: env.OPENROUTER_API_KEY });
    const { text } = await generateText({ model: openrouter.chat(OPENROUTER_MODELS[0]), prompt });
    return new Response(text);
  },
};
