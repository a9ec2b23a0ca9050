export const config = {
  token: import.meta.env.VITE_HF_TOKEN,
  docs: 'https://huggingface.co/docs/transformers.js',
  analytics: 'acme/notes-app',
};
