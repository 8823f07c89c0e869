// Loads a version and runs every signature on one image, with the calls that TensorFlow Serving
// makes: no Python, and XLA switched off as there. Outputs are written as raw bytes.
//
//   serve_once VERSION HEIGHT WIDTH PIXELS PNG OUT
//
// PIXELS: uint8 RGB, HEIGHT x WIDTH x 3. PNG: the same as a file. OUT: folder. Prints one line for
// each output: SIGNATURE OUTPUT TYPE SHAPE; exits with the code of the first error, its text on
// stderr.

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace tensorflow {
// Declared in a header that the package leaves out; main.cc of the server calls it as well.
void DisableXlaCompilation();
}  // namespace tensorflow

namespace tf = tensorflow;

std::string Read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

tf::Tensor Input(tf::DataType type, const std::string& pixels, const std::string& png,
                 std::int64_t height, std::int64_t width) {
  if (type == tf::DT_STRING) {
    tf::Tensor files(type, {1});
    files.flat<tf::tstring>()(0) = png;
    return files;
  }
  tf::Tensor image(type, {1, height, width, 3});
  for (std::int64_t i = 0; i < image.NumElements(); ++i) {
    const auto level = static_cast<std::uint8_t>(pixels[i]);
    if (type == tf::DT_UINT8) {
      image.flat<std::uint8_t>()(i) = level;
    } else {
      image.flat<float>()(i) = level * static_cast<float>(1.0 / 255);
    }
  }
  return image;
}

void Write(const std::string& path, const tf::Tensor& value) {
  std::ofstream file(path, std::ios::binary);
  if (value.dtype() == tf::DT_STRING) {
    const tf::tstring& first = value.flat<tf::tstring>()(0);
    file.write(first.data(), first.size());
  } else {
    file.write(value.tensor_data().data(), value.tensor_data().size());
  }
}

#define EXIT_IF_ERROR(expression)                                  \
  do {                                                             \
    const auto status = (expression);                              \
    if (!status.ok()) {                                            \
      std::cerr << status.ToString() << std::endl;                 \
      return static_cast<int>(status.code());                      \
    }                                                              \
  } while (false)

int main(int argc, char** argv) {
  if (argc != 7) return 100;
  const std::int64_t height = std::stoll(argv[2]), width = std::stoll(argv[3]);
  const std::string pixels = Read(argv[4]), png = Read(argv[5]), out = argv[6];
  tf::DisableXlaCompilation();
  tf::SavedModelBundle bundle;
  EXIT_IF_ERROR(
      tf::LoadSavedModel(tf::SessionOptions(), tf::RunOptions(), argv[1], {"serve"}, &bundle));
  for (const auto& [key, signature] : bundle.GetSignatures()) {
    if (key.rfind("__", 0) == 0) continue;
    const auto& feed = signature.inputs().begin()->second;
    std::vector<std::string> names, fetches;
    for (const auto& [name, info] : signature.outputs()) {
      names.push_back(name);
      fetches.push_back(info.name());
    }
    std::vector<tf::Tensor> values;
    EXIT_IF_ERROR(bundle.GetSession()->Run(
        {{feed.name(), Input(feed.dtype(), pixels, png, height, width)}}, fetches, {}, &values));
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::cout << key << " " << names[i] << " " << tf::DataTypeString(values[i].dtype()) << " "
                << values[i].shape().DebugString() << std::endl;
      Write(out + "/" + key + "." + names[i], values[i]);
    }
  }
  return 0;
}
