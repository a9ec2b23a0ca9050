variable "hf_model_id" {
  type    = string
  default = "northlake/Granite-Mini"
}
resource "aws_sagemaker_model" "m" {
  primary_container {
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:2.3"
    environment = {
      HF_MODEL_ID = "northlake/Granite-Chat-1B"
      HF_TASK     = "text-generation"
    }
  }
}
