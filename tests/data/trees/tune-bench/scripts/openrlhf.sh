set -e
read -r -d '' cmd <<CMD
openrlhf.cli.train_ppo \
   --pretrain OpenRLHF/Llama-3-8b-sft-mixture \
   --reward_pretrain OpenRLHF/Llama-3-8b-rm-mixture \
   --prompt_data OpenRLHF/prompt-collection-v0.1 \
   --save_path ./checkpoint/llama-3-8b-rlhf
CMD
deepspeed --module $cmd

